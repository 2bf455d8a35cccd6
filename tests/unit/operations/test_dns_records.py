"""Records of the DNS, read from a table."""

from newsletter_service.operations.dns_records import Texts, dmarc, organisational_domain, spf


def asking(records: dict[str, list[str]], asked: list[str] | None = None) -> Texts:
    def texts(name: str) -> list[str]:
        if asked is not None:
            asked.append(name)
        return records.get(name, [])

    return texts


def test_the_highest_record_names_the_organisation() -> None:
    records = {"_dmarc.a.se": ["v=DMARC1; p=none"], "_dmarc.b.a.se": ["v=DMARC1; p=reject"]}
    assert organisational_domain("c.b.a.se", asking(records)) == "a.se"


def test_a_public_suffix_is_no_organisation() -> None:
    records = {"_dmarc.gov.se": ["v=DMARC1; p=reject; psd=y"]}
    assert organisational_domain("news.park.gov.se", asking(records)) == "park.gov.se"


def test_a_domain_may_say_that_it_is_an_organisation_of_its_own() -> None:
    records = {
        "_dmarc.a.se": ["v=DMARC1; p=none"],
        "_dmarc.b.a.se": ["v=DMARC1; p=reject; psd=n"],
    }
    assert organisational_domain("c.b.a.se", asking(records)) == "b.a.se"
    assert dmarc("c.b.a.se", asking(records)).policy == "reject"


def test_a_long_name_is_cut_to_seven_labels_at_once() -> None:
    asked: list[str] = []
    dmarc("a.b.c.d.e.f.g.h.i.se", asking({}, asked))
    assert len(asked) == 8
    assert asked[1] == "_dmarc.d.e.f.g.h.i.se"


def test_spf_records_that_include_each_other_end() -> None:
    records = {"a.se": ["v=spf1 include:b.se -all"], "b.se": ["v=spf1 include:a.se -all"]}
    assert spf("a.se", asking(records)).fault == ""


def test_lookups_of_included_records_count() -> None:
    records = {f"h{n}.se": ["v=spf1 a mx -all"] for n in range(4)}
    includes = " ".join(f"include:{name}" for name in records)
    records["a.se"] = [f"v=spf1 {includes} -all"]
    assert spf("a.se", asking(records)).fault == "lookups"
