"""The accessibility statement: whose it is, where to write, and who watches over it."""

from flask.testing import FlaskClient

from newsletter_service.models import Organisation, writing


def change(**values: object) -> None:
    with writing() as session:
        organisation = session.get_one(Organisation, 1)
        for name, value in values.items():
            setattr(organisation, name, value)


def test_r_8_1_the_statement_says_where_to_write_in_both_languages(client: FlaskClient) -> None:
    swedish, english = client.get("/tillganglighet").text, client.get("/accessibility").text
    assert "redogörelse</h1>" in swedish  # it may break at a hyphen before it
    assert "Accessibility statement" in english
    for page in (swedish, english):
        assert 'href="mailto:hej@example.org"' in page
        assert "digg.se" not in page


def test_r_8_1_a_public_body_names_the_agency_that_watches(client: FlaskClient) -> None:
    change(public_body=True)
    assert "https://www.digg.se/tdosanmalan" in client.get("/tillganglighet").text


def test_every_public_page_leads_to_the_statement_or_to_the_organisations_own(
    client: FlaskClient,
) -> None:
    for path, link in (
        ("/prenumerera/nytt", "/tillganglighet"),
        ("/subscribe/nytt", "/accessibility"),
    ):
        assert f'href="{link}"' in client.get(path).text
    change(accessibility_url="https://www.park.test/tillganglighet")
    assert 'href="https://www.park.test/tillganglighet"' in client.get("/prenumerera/nytt").text
