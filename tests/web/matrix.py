"""Who may reach which route, and of whose things: read by test_access.py, which knows every route there is.

One letter for each caller, in the order of CALLERS; all things belong to clinic A:
    + let in (whatever becomes of the request then)   L led to the login page
    k asked for a key (401)   f forbidden (403)   0 not there (404)
"""

from studypub.viewer.edition import ADDRESS

CALLERS = (
    "nobody",
    "registrator A",
    "administrator A",
    "registrator B",
    "administrator B",
    "administrator",
    "key A",
    "key B",
)

_EVERYBODY = "++++++++"
_NOT_THERE = "00000000"
_KEYS = "kkkkkk++"
_KEY_OF_A = "kkkkkk+0"
_SIGNED_IN = "L+++++LL"
_WHO_SEES_A = "L++00+LL"
_ADMINISTRATORS = "Lf+f++LL"
_ADMINISTRATORS_OF_A = "Lf+f0+LL"
_ADMINISTRATOR_OF_ALL = "Lffff+LL"

_INSTANCE = "/s/{token:str}/dicomweb/studies/{study:str}/series/{series:str}/instances/{instance:str}"

ROUTES = {
    # programs
    "POST /publish": _KEYS,
    "POST /publish/batch": _KEYS,
    "GET /publish": _KEY_OF_A,
    "GET /publish/{task_id:str}": _KEY_OF_A,
    "PATCH /publish/{task_id:str}": _KEY_OF_A,
    "DELETE /publish/{task_id:str}": _KEY_OF_A,
    "PUT /publish/{task_id:str}/report": _KEY_OF_A,
    "DELETE /publish/{task_id:str}/report": _KEY_OF_A,
    "GET /fhir/metadata": _EVERYBODY,
    "GET /fhir/ImagingStudy": _KEYS,
    "GET /fhir/ImagingStudy/{study_id:str}": _KEY_OF_A,
    "GET /schema/openapi.json": _EVERYBODY,
    "GET /healthz": _EVERYBODY,
    "GET /readyz": _EVERYBODY,
    "GET /metrics": _NOT_THERE,  # of another machine, through a proxy
    # patients
    "GET /s/{token:str}": _EVERYBODY,
    "HEAD /s/{token:str}": _EVERYBODY,
    "POST /s/{token:str}": _EVERYBODY,
    "GET /s/{token:str}/download": _EVERYBODY,
    "HEAD /s/{token:str}/download": _EVERYBODY,
    "GET /s/{token:str}/report": _NOT_THERE,  # none is attached
    "HEAD /s/{token:str}/report": _NOT_THERE,
    "GET /logo/{name:str}": _NOT_THERE,  # of no such hash
    "GET /s/{token:str}/dicomweb/studies": _NOT_THERE,
    "GET /s/{token:str}/dicomweb/studies/{study:str}": _NOT_THERE,
    "GET /s/{token:str}/dicomweb/studies/{study:str}/metadata": _NOT_THERE,
    "GET /s/{token:str}/dicomweb/studies/{study:str}/instances": _NOT_THERE,
    "GET /s/{token:str}/dicomweb/studies/{study:str}/series": _NOT_THERE,
    "GET /s/{token:str}/dicomweb/studies/{study:str}/series/{series:str}": _NOT_THERE,
    "GET /s/{token:str}/dicomweb/studies/{study:str}/series/{series:str}/metadata": _NOT_THERE,
    "GET /s/{token:str}/dicomweb/studies/{study:str}/series/{series:str}/instances": _NOT_THERE,
    f"GET {_INSTANCE}": _NOT_THERE,
    f"GET {_INSTANCE}/metadata": _NOT_THERE,
    f"GET {_INSTANCE}/frames/{{frames:str}}": _NOT_THERE,
    f"GET {_INSTANCE}/bulkdata/{{tag:str}}": _NOT_THERE,
    f"GET {_INSTANCE}/rendered": _NOT_THERE,
    f"GET {_INSTANCE}/thumbnail": _NOT_THERE,
    f"GET {_INSTANCE}/frames/{{frames:str}}/rendered": _NOT_THERE,
    f"GET {_INSTANCE}/frames/{{frames:str}}/thumbnail": _NOT_THERE,
    "GET /s/{token:str}/dicomweb/studies/{study:str}/thumbnail": _NOT_THERE,
    "GET /s/{token:str}/dicomweb/studies/{study:str}/series/{series:str}/thumbnail": _NOT_THERE,
    "GET /s/{token:str}/preview": _EVERYBODY,
    "HEAD /s/{token:str}/preview": _EVERYBODY,
    "GET /s/{token:str}/preview/{part:int}": _EVERYBODY,
    "GET /s/{token:str}/view": _NOT_THERE,  # without a viewer
    "HEAD /s/{token:str}/view": _NOT_THERE,
    # whoever is about to become somebody
    "GET /login": _EVERYBODY,
    "POST /login": _EVERYBODY,
    "GET /login/code": _EVERYBODY,
    "POST /login/code": _EVERYBODY,
    "GET /login/oidc": _NOT_THERE,  # without a provider
    "GET /login/oidc/callback": _NOT_THERE,
    "GET /logout/oidc": _NOT_THERE,
    "POST /logout": _SIGNED_IN,
    "GET /setup/{token:str}": _NOT_THERE,  # there is an administrator
    "HEAD /setup/{token:str}": _NOT_THERE,
    "POST /setup/{token:str}": _NOT_THERE,
    "POST /language": _EVERYBODY,
    "GET /static/{path:path}": _EVERYBODY,
    f"GET {ADDRESS}{{path:path}}": _NOT_THERE,
    # the panel
    "GET /": _SIGNED_IN,
    "GET /queue": _SIGNED_IN,
    "GET /queue/lines": _SIGNED_IN,
    "GET /queue/{task_id:uuid}": _WHO_SEES_A,
    "GET /queue/{task_id:uuid}/received": _ADMINISTRATORS_OF_A,
    "POST /queue/{task_id:uuid}/received": _ADMINISTRATORS_OF_A,
    "GET /queue/{task_id:uuid}/cancel": _WHO_SEES_A,
    "POST /queue/{task_id:uuid}/cancel": _WHO_SEES_A,
    "POST /queue/{task_id:uuid}/retry": _WHO_SEES_A,
    "POST /queue/{task_id:uuid}/send/{message_id:uuid}": _WHO_SEES_A,
    "GET /review/{task_id:uuid}": _ADMINISTRATORS_OF_A,
    "POST /review/{task_id:uuid}": _ADMINISTRATORS_OF_A,
    "GET /review/pictures/{held_id:uuid}": _ADMINISTRATORS_OF_A,
    "GET /studies": _SIGNED_IN,
    "POST /studies/export": _ADMINISTRATORS,
    "GET /studies/selected/keep": _SIGNED_IN,
    "POST /studies/selected/keep": _SIGNED_IN,
    "GET /studies/selected/withdraw": _SIGNED_IN,
    "POST /studies/selected/withdraw": _SIGNED_IN,
    "GET /studies/{study_id:uuid}/slip": _WHO_SEES_A,
    "POST /studies/{study_id:uuid}/slip": _WHO_SEES_A,
    "GET /studies/{study_id:uuid}": _WHO_SEES_A,
    "GET /studies/{study_id:uuid}/keep": _WHO_SEES_A,
    "POST /studies/{study_id:uuid}/keep": _WHO_SEES_A,
    "GET /studies/{study_id:uuid}/withdraw": _WHO_SEES_A,
    "POST /studies/{study_id:uuid}/withdraw": _WHO_SEES_A,
    "GET /studies/{study_id:uuid}/pin": _WHO_SEES_A,
    "POST /studies/{study_id:uuid}/pin": _WHO_SEES_A,
    "GET /studies/{study_id:uuid}/report": _WHO_SEES_A,
    "POST /studies/{study_id:uuid}/report": _WHO_SEES_A,
    "POST /studies/{study_id:uuid}/report/remove": _WHO_SEES_A,
    "GET /publish/new": _SIGNED_IN,
    "POST /publish/new": _SIGNED_IN,
    "POST /publish/new/look": _SIGNED_IN,
    "GET /security": _SIGNED_IN,
    "POST /security": _SIGNED_IN,
    "GET /security/totp": _SIGNED_IN,
    "POST /security/totp": _SIGNED_IN,
    "GET /security/codes": _SIGNED_IN,
    "POST /security/codes": _SIGNED_IN,
    "GET /security/off": _SIGNED_IN,
    "POST /security/off": _SIGNED_IN,
    # administration
    "GET /admin": _ADMINISTRATORS,
    "GET /admin/users": _ADMINISTRATORS,
    "POST /admin/users": _ADMINISTRATORS,
    "GET /admin/users/{name:str}/disable": _ADMINISTRATORS_OF_A,
    "POST /admin/users/{name:str}/disable": _ADMINISTRATORS_OF_A,
    "GET /admin/users/{name:str}/password": _ADMINISTRATORS_OF_A,
    "POST /admin/users/{name:str}/password": _ADMINISTRATORS_OF_A,
    "GET /admin/users/{name:str}/second-factor": _ADMINISTRATORS_OF_A,
    "POST /admin/users/{name:str}/second-factor": _ADMINISTRATORS_OF_A,
    "GET /admin/keys": _ADMINISTRATORS,
    "POST /admin/keys": _ADMINISTRATORS,
    "GET /admin/keys/{key_id:str}/revoke": _ADMINISTRATORS_OF_A,
    "POST /admin/keys/{key_id:str}/revoke": _ADMINISTRATORS_OF_A,
    "GET /admin/keys/{key_id:str}/callback": _ADMINISTRATORS_OF_A,
    "POST /admin/keys/{key_id:str}/callback": _ADMINISTRATORS_OF_A,
    "GET /admin/outbox": _ADMINISTRATORS,
    "POST /admin/outbox/{message_id:uuid}/again": _ADMINISTRATORS_OF_A,
    "GET /admin/clinics": _ADMINISTRATOR_OF_ALL,
    "GET /admin/clinics/new": _ADMINISTRATOR_OF_ALL,
    "POST /admin/clinics/new": _ADMINISTRATOR_OF_ALL,
    "GET /admin/clinics/{code:str}/edit": _ADMINISTRATOR_OF_ALL,
    "POST /admin/clinics/{code:str}/edit": _ADMINISTRATOR_OF_ALL,
    "GET /admin/clinics/{code:str}/back": _ADMINISTRATOR_OF_ALL,
    "POST /admin/clinics/{code:str}/back": _ADMINISTRATOR_OF_ALL,
    "POST /admin/clinics/{code:str}/logo": _ADMINISTRATOR_OF_ALL,
    "POST /admin/clinics/{code:str}/logo/remove": _ADMINISTRATOR_OF_ALL,
    "GET /admin/settings": _ADMINISTRATOR_OF_ALL,
    "POST /admin/settings": _ADMINISTRATOR_OF_ALL,
    "GET /admin/audit": _ADMINISTRATOR_OF_ALL,
    "POST /admin/audit/export": _ADMINISTRATOR_OF_ALL,
    "GET /admin/rights": _ADMINISTRATOR_OF_ALL,
    "POST /admin/rights": _ADMINISTRATOR_OF_ALL,
    "GET /admin/state": _ADMINISTRATOR_OF_ALL,
    "POST /admin/state": _ADMINISTRATOR_OF_ALL,
}
