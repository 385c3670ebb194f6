"""Signing in with a provider in a browser, to whom that is another site, and signing out of both."""

from pathlib import Path

import pytest
from tests.e2e.sites import open_site
from tests.e2e.test_accessible import LOOKS, Look, look_at, name
from tests.e2e.test_second_factor import keeps_nobody_out
from tests.peers.browser import OpenTab
from tests.peers.postgres import PostgresPeer
from tests.peers.provider import CLIENT_ID, CLIENT_SECRET, providing

from studypub.config import Oidc

pytestmark = pytest.mark.peer


@pytest.mark.parametrize("look", [pytest.param(LOOKS[0], marks=pytest.mark.long), LOOKS[1]], ids=name)
async def test_by_the_button_to_the_page_that_was_wanted_and_out_of_both(
    postgres_server: PostgresPeer, schema: str, tmp_path: Path, open_tab: OpenTab, look: Look
) -> None:
    with providing("", sub="1", preferred_username="ivanova.a", roles=["studypub-registrator"]) as provider:
        provider.issuer = provider.issuer.replace("127.0.0.1", "localhost")
        oidc = Oidc(
            issuer=provider.issuer,
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
            roles_claim="roles",
            roles={"studypub-registrator": "registrator"},
            passwords=False,
        )
        async with open_site(postgres_server, schema, tmp_path, oidc=oidc) as site:
            provider.redirect_uri = f"{site.address}/login/oidc/callback"
            tab = await look_at(open_tab, look)
            page = tab.page
            await page.goto(f"{site.address}/studies?q=1")
            await keeps_nobody_out(page)
            await page.locator("a[href^='/login/oidc']").click()
            await page.wait_for_url(f"{site.address}/studies?q=1")
            await page.goto(f"{site.address}/security")
            await keeps_nobody_out(page)
            await page.locator("details.menu summary").click()
            assert "ivanova.a" in await page.locator("details.menu").inner_text()
            await page.locator("form[action='/logout'] button").click()
            await page.wait_for_url(f"{site.address}/login?left")
            await keeps_nobody_out(page)
            assert (tab.console_errors, tab.failed_requests) == ([], [])
            await page.locator("a[href='/logout/oidc']").click()
            await page.wait_for_url(f"{provider.issuer}/leave?**")
