"""Feeds by what public collections of them try, each written by us, and what is read of it.

The categories are those of feedparser's well-formed and ill-formed tests, of the Atom and RSS
conformance suites and of the JSON Feed versions; whole files of real life stand in `tests/feeds`.
"""

import json
from typing import Any

BASE = "https://base.example.org/x/feed"
SITE = "https://park.example.org"
ATOM = 'xmlns="http://www.w3.org/2005/Atom"'
Case = tuple[bytes | str, dict[str, Any]]


def rss(
    item: str, *, head: str = "", attrs: str = "", prolog: str = "<?xml version='1.0'?>"
) -> str:
    return (
        f"{prolog}<rss version='2.0' {attrs}><channel><title>Parken</title>"
        f"<link>{SITE}/</link>{head}<item>{item}</item></channel></rss>"
    )


def atom(entry: str, *, head: str = "", attrs: str = ATOM) -> str:
    return f"<feed {attrs}><title>Parken</title>{head}<entry>{entry}</entry></feed>"


def dated(words: str) -> str:
    return rss(f"<title>Nytt</title><pubDate>{words}</pubDate>")


def jsonfeed(version: str = "1.1", **item: Any) -> str:
    address = f"https://jsonfeed.org/version/{version}"
    return json.dumps({"version": address, "title": "Parken", "items": [{"id": "1"} | item]})


T = "<title>Nytt labb</title>"
L = f"<link>{SITE}/labb</link>"
SEVEN = "2026-11-20T07:00:00+00:00"
XHTML = 'xmlns="http://www.w3.org/1999/xhtml"'
CASES: dict[str, Case] = {
    # -- namespaces ----
    "namespace: atom under a prefix": (
        f'<a:feed xmlns:a="http://www.w3.org/2005/Atom"><a:entry><a:title>Nytt labb</a:title>'
        f'<a:link href="{SITE}/labb"/></a:entry></a:feed>',
        {"title": "Nytt labb", "url": f"{SITE}/labb"},
    ),
    "namespace: content:encoded": (
        rss(
            f"{T}<content:encoded><![CDATA[<p>Hela texten</p>]]></content:encoded>",
            attrs='xmlns:content="http://purl.org/rss/1.0/modules/content/"',
        ),
        {"content_html": "<p>Hela texten</p>"},
    ),
    "namespace: content:encoded without a declaration": (
        rss(f"{T}<content:encoded><![CDATA[<p>Hela</p>]]></content:encoded>"),
        {"title": "Nytt labb"},
    ),
    "namespace: dc:title and dc:date stand in": (
        rss(
            "<dc:title>Nytt labb</dc:title><dc:date>2026-11-20T08:00:00+01:00</dc:date>",
            attrs='xmlns:dc="http://purl.org/dc/elements/1.1/"',
        ),
        {"title": "Nytt labb", "published_at": SEVEN},
    ),
    "namespace: dcterms:created": (
        rss(
            f"{T}<d:created>2026-11-20T07:00:00Z</d:created>",
            attrs='xmlns:d="http://purl.org/dc/terms/"',
        ),
        {"published_at": SEVEN},
    ),
    "namespace: media:content": (
        rss(
            f'{T}<media:content url="{SITE}/b.jpg" medium="image"/>',
            attrs='xmlns:media="http://search.yahoo.com/mrss/"',
        ),
        {"image_url": f"{SITE}/b.jpg"},
    ),
    "namespace: media:group, another prefix": (
        rss(
            f'{T}<m:group><m:content url="{SITE}/f.mp4" medium="video"/>'
            f'<m:thumbnail url="{SITE}/t.jpg"/></m:group>',
            attrs='xmlns:m="http://search.yahoo.com/mrss/"',
        ),
        {"image_url": f"{SITE}/t.jpg"},
    ),
    "namespace: itunes": (
        rss(
            f"{T}<itunes:summary>Ett avsnitt</itunes:summary>",
            attrs='xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"',
        ),
        {"title": "Nytt labb"},
    ),
    "namespace: georss is passed by": (
        rss(f"{T}<g:point>59.3 18.0</g:point>", attrs='xmlns:g="http://www.georss.org/georss"'),
        {"title": "Nytt labb"},
    ),
    "namespace: atom:link within rss": (
        rss(
            f'{T}{L}<a:link rel="self" href="{SITE}/feed"/>',
            attrs='xmlns:a="http://www.w3.org/2005/Atom"',
        ),
        {"url": f"{SITE}/labb"},
    ),
    "namespace: slash, wfw and thr are passed by": (
        rss(
            f"{T}<slash:comments>4</slash:comments>",
            attrs='xmlns:slash="http://purl.org/rss/1.0/modules/slash/"',
        ),
        {"title": "Nytt labb"},
    ),
    "namespace: feedburner's original link": (
        rss(
            f"{T}{L}<f:origLink>{SITE}/ursprung</f:origLink>",
            attrs='xmlns:f="http://rssnamespace.org/feedburner/ext/1.0"',
        ),
        {"title": "Nytt labb"},
    ),
    # -- base addresses ----
    "base: none, so where it came from": (
        atom('<title>x</title><link href="../labb"/>'),
        {"url": "https://base.example.org/labb"},
    ),
    "base: of the feed": (
        atom('<title>x</title><link href="labb"/>', attrs=f'{ATOM} xml:base="{SITE}/n/"'),
        {"url": f"{SITE}/n/labb"},
    ),
    "base: of the entry within that of the feed": (
        f'<feed {ATOM} xml:base="{SITE}/n/"><entry xml:base="2026/"><title>x</title>'
        '<link href="labb"/></entry></feed>',
        {"url": f"{SITE}/n/2026/labb"},
    ),
    "base: without its scheme": (
        rss(f"{T}<link>//park.example.org/labb</link>"),
        {"url": f"{SITE}/labb"},
    ),
    "base: from the root": (
        rss(f"{T}<link>/labb</link>"),
        {"url": "https://base.example.org/labb"},
    ),
    "base: pictures within the text": (
        rss(f"{T}<description>&lt;img src='/b.jpg' alt='Ett hus'&gt; Text</description>"),
        {"image_url": "https://base.example.org/b.jpg", "image_alt": "Ett hus"},
    ),
    # -- CDATA and markup ----
    "cdata: in the title": (
        rss("<title><![CDATA[Nytt & nära]]></title>"),
        {"title": "Nytt & nära"},
    ),
    "cdata: in the link": (
        rss(f"{T}<link><![CDATA[{SITE}/labb]]></link>"),
        {"url": f"{SITE}/labb"},
    ),
    "cdata: two of them": (
        rss("<title><![CDATA[Nytt]]> <![CDATA[labb]]></title>"),
        {"title": "Nytt labb"},
    ),
    "cdata: its end within the text": (
        rss("<title><![CDATA[a ]]]]><![CDATA[> b]]></title>"),
        {"title": "a ]]> b"},
    ),
    "cdata: never closed": (
        rss("<title>Nytt</title><description><![CDATA[Text"),
        {"title": "Nytt"},
    ),
    "title: html, escaped": (
        rss("<title>Nytt &lt;b&gt;labb&lt;/b&gt;</title>"),
        {"title": "Nytt labb"},
    ),
    "title: html, as elements": (rss("<title>Nytt <b>labb</b></title>"), {}),
    "title: escaped twice": (rss("<title>Kaffe &amp;amp; te</title>"), {"title": "Kaffe & te"}),
    "title: a smaller than that is one": (rss("<title>3 &lt; 4</title>"), {"title": "3 < 4"}),
    "title: over several lines": (rss("<title>\n  Nytt\n  labb\n</title>"), {"title": "Nytt labb"}),
    "title: missing, the text stands in": (
        rss("<description>Tre bolag flyttar in i hus 3.</description>"),
        {"title": "Tre bolag flyttar in i hus 3."},
    ),
    "title: empty": (rss("<title/><description>Text</description>"), {"title": "Text"}),
    "title: only blanks": (
        rss("<title> &#160; </title><description>Text</description>"),
        {"title": "Text"},
    ),
    # -- entities ----
    "entity: named, of html": (
        rss("<title>&Aring;r &ouml;ppet &ndash; nu</title>"),
        {"title": "År öppet – nu"},
    ),
    "entity: decimal and hexadecimal": (
        rss("<title>&#197;r &#xF6;ppet</title>"),
        {"title": "År öppet"},
    ),
    **{
        f"entity: a number that is no character, {number}": (
            rss(f"<title>Nytt{number} labb &amp; mer</title><description>&lt;i&gt;Å</description>"),
            {"title": "Nytt labb & mer", "summary": "Å"},
        )
        for number in (
            "&#0;",
            "&#x1F;",
            "&#xD800;",
            "&#xD800",
            "&#57343;",
            "&#xFFFF;",
            "&#1114112;",
        )
    },
    "entity: hexadecimal with a capital": (
        rss("<title>Nytt &#XE5;r</title>"),
        {"title": "Nytt år"},
    ),
    "entity: a doctype that only news speaks of": (
        rss("<title><![CDATA[Om <!DOCTYPE [ och annat]]></title><link>x</link>"),
        {"title": "Om", "url": "https://base.example.org/x/x"},
    ),
    "entity: a doctype that only a comment speaks of": (
        rss(T, prolog="<?xml version='1.0'?><!-- <!DOCTYPE rss [ -->"),
        {"title": "Nytt labb"},
    ),
    "entity: undeclared": (rss("<title>A &foo; B</title>"), {"title": "A &foo; B"}),
    "entity: an ampersand by itself": (
        rss("<title>Forskning & pengar</title>"),
        {"title": "Forskning & pengar"},
    ),
    "entity: bare in an address": (
        rss(f"{T}<link>{SITE}/?a=1&b=2</link>"),
        {"url": f"{SITE}/?a=1&b=2"},
    ),
    "entity: out of range": (rss("<title>Nytt &#1114112; labb</title>"), {}),
    "entity: of cp1252, as browsers read it": (
        rss("<title>&#147;Nytt&#148;</title>"),
        {"title": "“Nytt”"},
    ),
    "entity: declared by the feed": (
        "<!DOCTYPE rss [<!ENTITY x 'y'>]>" + rss("<title>&x;</title>", prolog=""),
        {"error": "doctype"},
    ),
    "entity: one that grows": (
        "<!DOCTYPE rss [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;'>]>" + rss(T, prolog=""),
        {"error": "doctype"},
    ),
    "entity: one that reaches out": (
        "<!DOCTYPE rss [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>" + rss(T, prolog=""),
        {"error": "doctype"},
    ),
    # -- ids and links ----
    "guid: a permanent link where none else is": (
        rss(f"{T}<guid>{SITE}/labb</guid>"),
        {"url": f"{SITE}/labb", "guid": f"{SITE}/labb"},
    ),
    "guid: said to be none": (
        rss(f'{T}<guid isPermaLink="false">{SITE}/labb</guid>'),
        {"url": None, "guid": f"{SITE}/labb"},
    ),
    "guid: no address, whatever it claims": (
        rss(f'{T}{L}<guid isPermaLink="true">tag:park,1</guid>'),
        {"url": f"{SITE}/labb", "guid": "tag:park,1"},
    ),
    "guid: missing": (rss(f"{T}{L}"), {"guid": f"{SITE}/labb"}),
    "link: several of atom, the first for reading": (
        atom(
            f'<title>x</title><link rel="self" href="{SITE}/a.xml"/>'
            f'<link rel="edit" href="{SITE}/e"/>'
            f'<link rel="alternate" type="text/html" href="{SITE}/labb"/>'
        ),
        {"url": f"{SITE}/labb"},
    ),
    "link: without href": (
        atom("<title>x</title><link rel='alternate'/>"),
        {"title": "x", "url": None},
    ),
    "link: with blanks around": (
        rss(f"{T}<link>\n {SITE}/labb \n</link>"),
        {"url": f"{SITE}/labb"},
    ),
    "link: javascript": (rss(f"{T}<link>javascript:alert(1)</link>"), {"url": None}),
    "link: data": (rss(f"{T}<link>data:text/html,x</link>"), {"url": None}),
    "enclosure: a picture": (
        rss(f'{T}<enclosure url="{SITE}/b.png" type="image/png" length="9"/>'),
        {"image_url": f"{SITE}/b.png"},
    ),
    "enclosure: sound is no picture": (
        rss(f'{T}<enclosure url="{SITE}/a.mp3" type="audio/mpeg"/>'),
        {"image_url": None},
    ),
    "enclosure: without an address": (
        rss(f'{T}<enclosure type="image/png"/>'),
        {"image_url": None},
    ),
    "enclosure: of atom": (
        atom(f'<title>x</title><link rel="enclosure" type="image/jpeg" href="{SITE}/b.jpg"/>'),
        {"image_url": f"{SITE}/b.jpg", "url": None},
    ),
    # -- dates ----
    "date: RFC 822": (dated("Fri, 20 Nov 2026 08:00:00 +0100"), {"published_at": SEVEN}),
    "date: RFC 822 with a named zone": (
        dated("Fri, 20 Nov 2026 07:00:00 GMT"),
        {"published_at": SEVEN},
    ),
    "date: RFC 822 of America": (dated("Fri, 20 Nov 2026 02:00:00 EST"), {"published_at": SEVEN}),
    "date: without a weekday": (dated("20 Nov 2026 07:00:00 +0000"), {"published_at": SEVEN}),
    "date: without seconds": (dated("Fri, 20 Nov 2026 07:00 +0000"), {"published_at": SEVEN}),
    "date: a month in full": (
        dated("Fri, 20 November 2026 07:00:00 +0000"),
        {"published_at": SEVEN},
    ),
    "date: two digits for the year": (
        dated("Fri, 20 Nov 26 07:00:00 GMT"),
        {"published_at": SEVEN},
    ),
    "date: W3C": (dated("2026-11-20T07:00:00Z"), {"published_at": SEVEN}),
    "date: W3C with parts of a second": (
        dated("2026-11-20T07:00:00.123Z"),
        {"published_at": "2026-11-20T07:00:00.123000+00:00"},
    ),
    "date: W3C, a day only": (dated("2026-11-20"), {"published_at": "2026-11-20T00:00:00+00:00"}),
    "date: ISO without separators": (dated("20261120T070000Z"), {"published_at": SEVEN}),
    "date: as databases write it": (dated("2026-11-20 07:00:00"), {"published_at": SEVEN}),
    "date: asctime": (dated("Fri Nov 20 07:00:00 2026"), {"published_at": SEVEN}),
    "date: RFC 822 in Swedish": (dated("fre, 20 nov 2026 08:00:00 +0100"), {"published_at": SEVEN}),
    "date: RFC 822 in French": (dated("ven, 20 novembre 2026 07:00:00"), {"published_at": SEVEN}),
    "date: RFC 822 in Finnish": (dated("pe, 20 marras 2026 08:00 CET"), {"published_at": SEVEN}),
    "date: in Swedish words": (
        dated("fredag den 20 november 2026 kl. 07.00"),
        {"published_at": SEVEN},
    ),
    "date: in words, of no calendar": (dated("fre, 31 feb 2026 07:00"), {"published_at": None}),
    "date: of no calendar": (dated("den 31 februari"), {"published_at": None}),
    "date: a thirteenth month": (dated("2026-13-40T99:00:00Z"), {"published_at": None}),
    "date: before there was a web": (
        dated("Thu, 01 Jan 1970 00:00:00 GMT"),
        {"published_at": None},
    ),
    "date: atom's published before its updated": (
        atom(
            "<title>x</title><updated>2026-11-22T07:00:00Z</updated>"
            "<published>2026-11-20T07:00:00Z</published>"
        ),
        {"published_at": SEVEN},
    ),
    "date: atom's updated alone": (
        atom("<title>x</title><updated>2026-11-20T07:00:00Z</updated>"),
        {"published_at": SEVEN},
    ),
    # -- types of content ----
    "content: text is text": (
        atom('<title type="text">a &lt;b&gt; c</title>'),
        {"title": "a <b> c"},
    ),
    "content: html": (
        atom('<title type="html">Nytt &lt;em&gt;labb&lt;/em&gt;</title>'),
        {"title": "Nytt labb"},
    ),
    "content: xhtml": (
        atom(f'<title type="xhtml"><div {XHTML}>Nytt <em>labb</em></div></title>'),
        {"title": "Nytt labb"},
    ),
    "content: xhtml of the body": (
        atom(
            f'<title>x</title><content type="xhtml"><div {XHTML}><p>Hela texten</p></div></content>'
        ),
        {"summary": "Hela texten"},
    ),
    "content: base64 is not shown": (
        atom('<title>x</title><content type="application/octet-stream">SGVq</content>'),
        {"title": "x"},
    ),
    "content: elsewhere": (
        atom(f'<title>x</title><content src="{SITE}/film" type="video/mp4"/>'),
        {"title": "x", "summary": ""},
    ),
    "content: the longest of several": (
        atom("<title>x</title><summary>Kort</summary><content>Den hela texten</content>"),
        {"summary": "Kort", "content_html": "Den hela texten"},
    ),
    # -- what means harm ----
    "sanitise: a script": (
        rss(f"{T}<description>&lt;script&gt;alert(1)&lt;/script&gt;Text</description>"),
        {"summary": "Text"},
    ),
    "sanitise: a handler": (
        rss(f"{T}<description>&lt;p onclick='x()'&gt;Text&lt;/p&gt;</description>"),
        {"content_html": "<p>Text</p>"},
    ),
    "sanitise: a form and a frame": (
        rss(
            f"{T}<description>&lt;form&gt;&lt;iframe src='x'&gt;&lt;/iframe&gt;"
            "Text&lt;/form&gt;</description>"
        ),
        {"summary": "Text"},
    ),
    "sanitise: style that hides": (
        rss(f"{T}<description>&lt;p style='position:fixed'&gt;Text&lt;/p&gt;</description>"),
        {"content_html": "<p>Text</p>"},
    ),
    # -- old dialects ----
    "rdf: items beside the channel": (
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">'
        f"<channel><title>Parken</title></channel>"
        f'<item rdf:about="{SITE}/labb">{T}{L}</item></rdf:RDF>',
        {"title": "Nytt labb", "url": f"{SITE}/labb"},
    ),
    "rss 0.90": (
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://my.netscape.com/rdf/simple/0.9/">'
        f"<channel><title>Parken</title></channel><item>{T}{L}</item></rdf:RDF>",
        {"title": "Nytt labb"},
    ),
    "rss without a version": (
        f"<rss><channel><item>{T}{L}</item></channel></rss>",
        {"title": "Nytt labb"},
    ),
    "cdf and opml are no feeds": (
        "<opml version='2.0'><body><outline text='x'/></body></opml>",
        {"error": "not_a_feed"},
    ),
    "atom 0.3": (
        f'<feed version="0.3" xmlns="http://purl.org/atom/ns#"><entry>{T}'
        f'<link rel="alternate" href="{SITE}/labb"/>'
        "<issued>2026-11-20T07:00:00Z</issued></entry></feed>",
        {"title": "Nytt labb", "published_at": SEVEN},
    ),
    # -- broken ----
    "broken: cut within the second item": (
        f"<rss version='2.0'><channel><item>{T}{L}</item><item><title>Halv</tit",
        {"title": "Nytt labb"},
    ),
    "broken: cut before the end of the channel": (
        f"<rss><channel><item>{T}{L}</item>",
        {"title": "Nytt labb"},
    ),
    "broken: tags crossed": (rss("<title>Nytt <b>labb</title></b>"), {}),
    "broken: a stray end tag": (rss(f"</height>{T}"), {}),
    "broken: an attribute without quotes": (
        rss(f"{T}<guid isPermaLink=false>1</guid>"),
        {"title": "Nytt labb"},
    ),
    "broken: an attribute twice": (
        rss(f'{T}<guid isPermaLink="false" isPermaLink="true">1</guid>'),
        {"title": "Nytt labb"},
    ),
    "broken: far too many elements": (
        "<rss>" + "<a/>" * 160_000 + "</rss>",
        {"error": "too_large"},
    ),
    "broken: control characters": (rss("<title>Nytt\x08 \x00labb</title>"), {"title": "Nytt labb"}),
    "broken: a comment never closed": (rss(f"{T}<!-- hej"), {"title": "Nytt labb"}),
    "broken: words before the feed": (
        "Warning: line 3\n" + rss(T, prolog=""),
        {"title": "Nytt labb"},
    ),
    "broken: words after the feed": (
        rss(T) + "<!-- cached -->\n<script>x</script>",
        {"title": "Nytt labb"},
    ),
    "broken: the declaration after a blank line": ("\n\n" + rss(T), {"title": "Nytt labb"}),
    # -- JSON ----
    "json 1.0": (
        jsonfeed("1", title="Nytt", url=f"{SITE}/l"),
        {"title": "Nytt", "url": f"{SITE}/l"},
    ),
    "json 1.1": (jsonfeed(title="Nytt", language="sv"), {"title": "Nytt", "language": "sv"}),
    "json: text that looks like html": (jsonfeed(content_text="1 < 2 & 3"), {"title": "1 < 2 & 3"}),
    "json: html": (jsonfeed(title="x", content_html="<p>Text</p>"), {"summary": "Text"}),
    "json: an id that is a number": (jsonfeed(id=7, title="x"), {"guid": "7"}),
    "json: the external address stands in": (
        jsonfeed(title="x", external_url=f"{SITE}/ut"),
        {"url": f"{SITE}/ut"},
    ),
    "json: picture and banner": (
        jsonfeed(title="x", banner_image=f"{SITE}/b.jpg"),
        {"image_url": f"{SITE}/b.jpg"},
    ),
    "json: attachments": (
        jsonfeed(title="x", attachments=[{"url": f"{SITE}/b.png", "mime_type": "image/png"}]),
        {"image_url": f"{SITE}/b.png"},
    ),
    "json: tags": (jsonfeed(title="x", tags=["Energi", 3, None]), {"tags": ["Energi", "3"]}),
    "json: a date as mail has it": (
        jsonfeed(title="x", date_published="Fri, 20 Nov 2026 08:00:00 +0100"),
        {"published_at": SEVEN},
    ),
    "json: a date": (
        jsonfeed(title="x", date_published="2026-11-20T08:00:00+01:00"),
        {"published_at": SEVEN},
    ),
    "json: values of the wrong kind": (
        jsonfeed(title=["x"], url={}, content_text="Text", tags="a"),
        {"title": "Text"},
    ),
    "json: cut short": (jsonfeed(title="x")[:-9], {"error": "broken"}),
    "json: under a byte order mark": ("\ufeff" + jsonfeed(title="x"), {"title": "x"}),
    # -- languages and tags ----
    "lang: of the channel": (
        rss("<title>X</title>", head="<language>sv-se</language>"),
        {"language": "sv"},
    ),
    "lang: of atom": (
        atom("<title>X</title>", attrs=f'{ATOM} xml:lang="en-GB"'),
        {"language": "en"},
    ),
    "category: of rss": (
        rss(f"{T}<category>Energi</category><category>Bolag</category>"),
        {"tags": ["Energi", "Bolag"]},
    ),
    "category: of atom": (
        atom('<title>x</title><category term="energi" label="Energi"/>'),
        {"tags": ["energi"]},
    ),
    "category: of itunes": (
        rss(f"{T}<category><![CDATA[A & B]]></category>"),
        {"tags": ["A & B"]},
    ),
}
