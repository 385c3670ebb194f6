"""All of DICOMweb, under the link that it belongs to."""

from litestar import Router

from studypub.web.api.dicomweb import bulkdata, metadata, rendered, retrieve, search
from studypub.web.api.dicomweb.asked import PROVIDERS

routes = (
    Router(
        "/s/{token:str}/dicomweb/studies",
        route_handlers=[
            *search.handlers,
            *metadata.handlers,
            *retrieve.handlers,
            *bulkdata.handlers,
            *rendered.handlers,
        ],
        dependencies=PROVIDERS,
    ),
)
