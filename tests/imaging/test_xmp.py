"""Previews and references to missing parts are removed from XMP packets, and nothing else."""

import base64

import pytest

from image_erase.imaging.metadata import xmp
from image_erase.imaging.metadata.markup import MAX_ATTRIBUTES, MAX_BYTES, MAX_DEPTH, MAX_ELEMENTS, Allowance
from support.jpegs import pillow_jpeg, scene
from support.work import lines_run

#: Lines of Python for one packet. Anything quadratic takes more than 50,000,000.
MOST_LINES = 5_000_000
PREVIEW = base64.b64encode(pillow_jpeg(scene(20, 16))).decode()
NAMESPACES = {
    "x": "adobe:ns:meta/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "my": "http://example.com/mine/",
    "any": "http://ns.adobe.com/xap/1.0/",
    "img": "http://ns.adobe.com/xap/1.0/g/img/",
    "note": "http://ns.adobe.com/xmp/note/",
    "hdr": "http://ns.adobe.com/hdr-gain-map/1.0/",
    "cam": "http://ns.google.com/photos/1.0/camera/",
    "dir": "http://ns.google.com/photos/1.0/container/",
    "item": "http://ns.google.com/photos/1.0/container/item/",
    "depth": "http://ns.google.com/photos/1.0/depthmap/",
    "dd": "http://ns.google.com/photos/dd/1.0/device/",
    "apple": "http://ns.apple.com/HDRGainMap/1.0/",
}


def cleaned_xmp(data: bytes, *, transposed: bool = False) -> bytes:
    return xmp.cleaned_xmp(data, Allowance(), transposed)


def packet(attributes: str = "", content: str = "", behind: str = "\n" + " " * 40) -> bytes:
    declared = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items())
    return (
        f"<?xpacket begin='\ufeff' id='W5M0MpCehiHzreSzNTczkc9d'?>\n<x:xmpmeta {declared}><rdf:RDF>"
        f"<rdf:Description rdf:about='' dc:title='kept' {attributes}>{content}</rdf:Description>"
        f"</rdf:RDF></x:xmpmeta>{behind}<?xpacket end='w'?>"
    ).encode()


def test_what_needs_no_change_stays_to_the_byte() -> None:
    before = packet('my:one = "a &lt; b"', "<!-- said -->\n<my:two>&#x41;<![CDATA[<]]></my:two><my:three/>")
    assert cleaned_xmp(before) == before
    assert cleaned_xmp(before + b"\0\0") == before


@pytest.mark.parametrize(
    ("attributes", "content"),
    [
        ("img:image='abc' img:width='3'", ""),
        ("note:HasExtendedXMP='0123'", ""),
        ("hdr:Version='1.0' hdr:GainMapMax=\"1\"", ""),
        ("cam:MicroVideo='1' cam:MicroVideoOffset='5' cam:MotionPhoto='1' cam:MotionPhotoVersion='1'", ""),
        ("depth:Data='x' depth:Mime='image/jpeg' apple:HDRGainMapVersion='1'", ""),
        (
            "",
            "<any:Thumbnails><rdf:Alt><rdf:li img:image='x'><img:image>y</img:image></rdf:li></rdf:Alt>"
            "</any:Thumbnails>",
        ),
        ("", "<dir:Directory><rdf:Seq><rdf:li><dir:Item item:Semantic='GainMap'/></rdf:li></rdf:Seq></dir:Directory>"),
        ("", "<dd:Cameras><dd:Camera dd:Image='uri'/></dd:Cameras>"),
        ("", "<hdr:GainMapMin/>"),
        ("", "<note:HasExtendedXMP>0123</note:HasExtendedXMP>"),
        (f"my:preview='{PREVIEW}'", ""),
        (f'my:preview="data:image/jpeg;base64,{PREVIEW}"', ""),
        ("", f"<my:preview>{PREVIEW[:76]}&#xA;{PREVIEW[76:]}</my:preview>"),
        ("", f"<my:preview rdf:parseType='Literal'><![CDATA[{PREVIEW}]]></my:preview>"),
    ],
)
def test_a_part_that_is_gone_goes(attributes: str, content: str) -> None:
    result = cleaned_xmp(packet(f"{attributes} my:kept='1'", f"<my:first/>{content}<my:last>1</my:last>"))
    wanted = packet("my:kept='1'", "<my:first/><my:last>1</my:last>")
    assert b"".join(result.split()) == b"".join(wanted.split())


def test_thumbnails_nested_in_other_properties_go() -> None:
    inner = "<any:Thumbnails><rdf:Alt><rdf:li><img:image>AAAA</img:image></rdf:li></rdf:Alt></any:Thumbnails>"
    part = f"<rdf:Description my:name='part'>{inner}</rdf:Description>"
    history = f"<my:Pantry><rdf:Bag><rdf:li>{part}</rdf:li></rdf:Bag></my:Pantry>"
    result = cleaned_xmp(packet(content=history))
    assert result == packet(content=history.replace(inner, ""))


def test_a_prefix_of_ones_own_and_a_default_namespace_count() -> None:
    content = "<Thumbnails xmlns='http://ns.adobe.com/xap/1.0/'>x</Thumbnails><q:image xmlns:q='http://ns.adobe.com/xap/1.0/g/img/'>y</q:image>"
    assert cleaned_xmp(packet(content=content)) == packet()
    other = "<xmp:Thumbnails xmlns:xmp='http://example.com/'>x</xmp:Thumbnails>"
    assert cleaned_xmp(packet(content=other)) == packet(content=other)


@pytest.mark.parametrize("value", ["1", "6", "8", "66", "nonsense", ""])
def test_the_picture_is_upright(value: str) -> None:
    wanted = packet("tiff:Orientation='1'")
    assert cleaned_xmp(packet(f"tiff:Orientation='{value}'")) == wanted
    if value:
        as_element = cleaned_xmp(packet(content=f"<tiff:Orientation>{value}</tiff:Orientation>"))
        assert as_element == packet(content="<tiff:Orientation>1</tiff:Orientation>")


def test_sides_change_places_with_a_quarter_turn() -> None:
    before = packet("exif:PixelXDimension='640'", "<exif:PixelYDimension>48</exif:PixelYDimension>")
    after = packet("exif:PixelXDimension='48'", "<exif:PixelYDimension>640</exif:PixelYDimension>")
    assert cleaned_xmp(before, transposed=True) == after
    assert cleaned_xmp(before) == before


HOSTILE = {
    "nothing": b"",
    "text": b"hello",
    "cut off": packet()[:-90],
    "never closed": b"<xmp:Thumbnails " * 60_000,
    "never opened": b"</a>" * 100_000,
    "without an end of the tag": b"<GImage:Data " * 60_000,
    "entities": b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]><x>&b;&b;</x>',
    "an external entity": b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]><x>&a;</x>',
    "an unknown entity": b"<x>&a;</x>",
    "too deep": b"<a>" * (MAX_DEPTH + 1) + b"</a>" * (MAX_DEPTH + 1),
    "too many elements": b"<a>" + b"<b/>" * MAX_ELEMENTS + b"</a>",
    "too many attributes": b"<a " + b" ".join(b"b%d='1'" % n for n in range(60_000)) + b"/>",
    "too large": b"<a>" + b" " * MAX_BYTES + b"</a>",
    "no UTF-8": b"<a>\xff\xfe</a>",
    "UTF-16": "<a>x</a>".encode("utf-16"),
    "a picture in a comment": f"<a><!-- {PREVIEW} --></a>".encode(),
    "a picture among elements": f"<a>{PREVIEW}<b/></a>".encode(),
    "a picture alone": f"<img:image xmlns:img='{NAMESPACES['img']}'>x</img:image>".encode(),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_cannot_be_read_is_dropped_at_once(name: str) -> None:
    assert cleaned_xmp(HOSTILE[name]) == b""
    assert lines_run(lambda: cleaned_xmp(HOSTILE[name])) < MOST_LINES


@pytest.mark.parametrize(
    "large",
    [
        b"<a>" + (b"/9j/" + b"A" * 195 + b"!") * 4500 + b"</a>",
        b"<a b='" + b"/9j/" * 200_000 + b"'/>",
        b"<a " + b" ".join(b"x:b%d='1'" % n for n in range(MAX_ATTRIBUTES)) + b"/>",
        b"<a>" * 60 + b"<b xmlns:c='d' c:e='f'/>" * (MAX_ELEMENTS - 60) + b"</a>" * 60,
    ],
)
def test_what_can_be_read_takes_few_steps(large: bytes) -> None:
    assert lines_run(lambda: cleaned_xmp(large)) < MOST_LINES


def test_all_packets_of_a_file_share_one_limit() -> None:
    allowance = Allowance()
    many = b"<a>" + b"<b c='d' e='f'/>" * (MAX_ATTRIBUTES // 2 - 1) + b"</a>"
    assert xmp.cleaned_xmp(many, allowance) == many
    assert xmp.cleaned_xmp(b"<a><b/></a>", Allowance()) == b"<a><b/></a>"
    assert xmp.cleaned_xmp(b"<a><b/></a>", allowance) == b""
