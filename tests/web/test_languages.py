"""The page in other languages: complete, chosen by the browser or in the page, and usable in each."""

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from support.barriers import assert_no_barriers
from support.browser import OpenPage, box_of
from support.editor import CHART_FILE, Editor, payload
from support.modules import BARE, run
from support.server import KEY, Server

OTHERS = ("de", "es", "fr", "ar", "ja", "zh-Hans")
#: In which axe-core looks at everything: one in each direction.
EXAMINED = {"ar", "de"}
WIDTHS = (320, 390, 768, 1000, 1280)
#: Names that are the same in every language.
NAMES = {"image-erase"}
# How a module's texts are made: for each its kind, and how many things it fills in.
SHAPE = """
  const shape = (texts) => Object.fromEntries(Object.entries(texts).map(([name, text]) => [name,
    typeof text === "object" ? shape(text) : typeof text === "function" ? text.length : typeof text]));
"""
SPEECHES = """
  Object.entries(m.texts).flatMap(([name, text]) => typeof text === "function"
    ? [-12, 1, 2, 3, 11, 100].map((number) => [name, text(...Array(text.length).fill(
        ["maskSize"].includes(name) ? [number, 7] : number))])
    : [[name, typeof text === "object" ? Object.values(text).join(" ") : text]])
"""
# How wide the document is, where an element that has to be seen lies, and which texts are wider than their place.
MEASURE = """(inside) => {
  const element = document.querySelector(inside);
  const { left, right } = element.getBoundingClientRect();
  const texts = [...document.querySelectorAll("button, .tools label, output, #step-value, label, select")];
  return {
    document: document.documentElement.scrollWidth,
    fits: element.scrollWidth <= element.clientWidth,
    left,
    right,
    overflow: texts
      .filter((each) => each.checkVisibility() && each.clientWidth > 1 && each.scrollWidth > each.clientWidth + 1)
      .map((each) => each.id || each.textContent),
  };
}"""


def open_sample(page: Page) -> Page:
    page.locator("#sample").click()
    expect(page.locator("#stage")).to_be_focused()
    return page


def paint(page: Page) -> None:
    for key in ("ArrowLeft", "Enter", "Shift+ArrowRight", "Enter"):
        page.keyboard.press(key)
    expect(page.locator("#undo")).to_be_enabled()


def choose(page: Page, tag: str) -> None:
    page.locator("#more").click()
    page.locator("#language").select_option(tag)
    expect(page.locator("html")).to_have_attribute("lang", tag)
    page.keyboard.press("Escape")
    expect(page.locator("#menu")).to_be_hidden()


def erase_button(page: Page) -> Locator:
    return page.locator("#erase")


@pytest.fixture(scope="module")
def english(server: Server, browser: Any) -> list[str]:
    """The texts of the document as it is sent, without the program that changes some of them."""
    page = browser.new_page(base_url=server.base)
    page.route("**/main.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
    page.goto("/")
    found = run(page, "translating", "new m.DocumentTexts(document.documentElement).english")
    page.close()
    return [str(text) for text in found]


class TestFiles:
    """Every language has what English has."""

    @pytest.mark.parametrize("tag", OTHERS)
    def test_the_modules_texts(self, bare: Page, tag: str) -> None:
        script = f"(() => {{ {SHAPE} return [shape(m.%s)]; }})()"
        (shape,) = run(bare, f"texts/{tag}", script % "texts")
        (expected,) = run(bare, "texts/en", script % "EN")
        assert shape == expected

    @pytest.mark.parametrize("tag", OTHERS)
    def test_no_text_is_empty_or_unfinished(self, bare: Page, tag: str) -> None:
        bare.evaluate("(tag) => { document.documentElement.lang = tag; }", tag)
        said = run(bare, f"texts/{tag}", SPEECHES)
        assert len(said) > 100
        for name, text in said:
            assert text.strip(), name
            assert not re.search(r"undefined|NaN|null|\{\d|\[object", text), (name, text)
        # What was forgotten is left in English.
        (same,) = run(
            bare,
            f"texts/{tag}",
            """import("/page/texts/en.js").then(({ EN }) => [Object.keys(EN)
              .filter((name) => EN[name] === m.texts[name] && /^\\w+ /.test(EN[name]))])""",
        )
        assert same == []

    @pytest.mark.parametrize("tag", OTHERS)
    def test_the_documents_texts(self, bare: Page, english: list[str], tag: str) -> None:
        translations = dict(run(bare, f"texts/{tag}", "Object.entries(m.page)"))
        assert set(translations) == set(english) - NAMES
        for text, translation in translations.items():
            assert translation.strip(), text
            assert sorted(re.findall(r"\{\d+\}", translation)) == sorted(re.findall(r"\{\d+\}", text)), text
            assert translation != text or not re.search("[a-z]{3} [a-z]{3}", text), text

    def test_a_missing_text_is_english(self, open_page: OpenPage) -> None:
        found = run(
            open_page(path=BARE),
            "texts",
            """(m.setTexts({ dropped: "Weg", problems: { stopping: "Gleich" } }),
              [m.texts.dropped, m.texts.copied, m.texts.problems.stopping, m.texts.problems.unexpected])""",
        )
        assert found == ["Weg", "Copied", "Gleich", "Something went wrong on the server."]


class TestChoice:
    @pytest.mark.parametrize(
        ("wanted", "tag"),
        [
            (["de"], "de"),
            (["de-AT", "en"], "de"),
            (["ES-419"], "es"),
            (["nl", "fr-CA", "de"], "fr"),
            (["zh"], "zh-Hans"),
            (["zh-TW"], "zh-Hans"),
            (["ar-EG"], "ar"),
            (["en-GB", "de"], "en"),
            (["den", "arn"], "en"),
            (["nl", "x-klingon", ""], "en"),
            ([], "en"),
        ],
    )
    def test_is_the_first_that_there_is(self, bare: Page, wanted: list[str], tag: str) -> None:
        assert run(bare, "languages", "m.languageFor(given[0])", wanted) == tag

    @pytest.mark.parametrize(
        ("locale", "tag", "erase"),
        [
            ("de-CH", "de", "Entfernen"),
            ("ja-JP", "ja", "消去"),
            ("ar-EG", "ar", "إزالة"),
            ("zh-CN", "zh-Hans", "消除"),
            ("nl-NL", "en", "Erase"),
        ],
    )
    def test_is_the_browsers(self, open_page: OpenPage, locale: str, tag: str, erase: str) -> None:
        page = open_page(locale=locale)
        expect(page.locator("html")).to_have_attribute("dir", "rtl" if tag == "ar" else "ltr")
        expect(page.locator("html")).to_have_attribute("lang", tag)
        expect(erase_button(page)).to_have_text(erase)
        expect(page.locator("#language")).to_have_value(tag)

    def test_only_the_language_that_is_shown_is_fetched(self, open_page: OpenPage) -> None:
        page = open_page(locale="fr-FR")
        expect(erase_button(page)).to_have_text("Effacer")
        loaded = page.evaluate("performance.getEntriesByType('resource').map(({ name }) => name)")
        assert {found[1] for name in loaded if (found := re.search(r"/texts/(.+)\.js$", name))} == {"en", "fr"}

    def test_can_be_changed_and_is_remembered(self, open_page: OpenPage) -> None:
        page = open_sample(open_page(key=KEY))
        paint(page)
        erase_button(page).click()
        expect(page.locator("#step-value")).to_have_text("Result 1 of 1")
        choose(page, "ar")
        expect(page.locator("#step-value")).to_have_text("النتيجة 1 من 1")
        expect(page.locator("html")).to_have_attribute("dir", "rtl")
        choose(page, "de")
        expect(page.locator("html")).to_have_attribute("dir", "ltr")
        expect(page.locator("#step-value")).to_have_text("Ergebnis 1 von 1")
        expect(page.locator("#stage")).to_have_attribute("aria-label", re.compile("^Bild, 640 mal 427 Pixel$"))
        expect(page.locator("#size")).to_have_attribute("aria-valuetext", re.compile(r"^\d+ Pixel$"))
        expect(page.locator("#undo")).to_have_attribute("title", "Rückgängig (Strg+Z)")
        page.reload()
        expect(page.locator("#step-value")).to_have_text("Ergebnis 1 von 1")
        choose(page, "en")
        expect(page.locator("#step-value")).to_have_text("Result 1 of 1")
        expect(page.locator("#undo")).to_have_attribute("title", "Undo (Ctrl+Z)")

    def test_every_text_comes_back(self, open_page: OpenPage) -> None:
        page = open_page()
        read = """[...document.querySelectorAll("body *")].map((each) => [each.title, each.ariaLabel, each.placeholder,
          each.childElementCount ? "" : each.textContent.trim()])"""
        # It has the focus, and says how wide the brush is, whatever the language.
        before = page.evaluate(read)
        for tag in (*OTHERS, "en"):
            choose(page, tag)
        assert page.evaluate(read) == before

    def test_one_that_is_gone_is_not_kept(self, open_page: OpenPage) -> None:
        page = open_page(locale="de-DE")
        page.evaluate("localStorage.setItem('image-erase-language', 'tlh')")
        page.reload()
        expect(erase_button(page)).to_have_text("Entfernen")

    def test_without_its_file_the_page_is_english(self, open_page: OpenPage) -> None:
        page = open_page(path="/page/client.js", expected=("Failed to load resource",), locale="de-DE")
        page.route("**/texts/de.js", lambda route: route.abort())
        page.goto("/")
        expect(page.locator("html")).to_have_attribute("lang", "en")
        expect(erase_button(page)).to_have_text("Erase")
        open_sample(page)

    def test_a_file_that_is_late_does_not_hold_the_page_up(self, open_page: OpenPage) -> None:
        page = open_page(path="/page/client.js", locale="de-DE")
        held: list[Route] = []

        def hold(route: Route) -> None:
            held.append(route)

        page.route("**/texts/de.js", hold)
        page.goto("/")
        expect(page.locator("#size-value")).not_to_be_empty()
        open_sample(page)
        expect(page.locator("#said")).to_have_text(re.compile("^640 . 427 pixels"))
        held[0].continue_()
        expect(erase_button(page)).to_have_text("Entfernen")
        expect(page.locator("#stage")).to_have_attribute("aria-label", "Bild, 640 mal 427 Pixel")


class TestUse:
    """Finding, painting, erasing and failing in another language."""

    def test_numbers_are_the_languages(self, open_page: OpenPage) -> None:
        page = open_sample(open_page(key=KEY, locale="de-DE"))
        expect(page.locator("#said")).to_have_text(re.compile("^640 . 427 Pixel. Übermalen Sie, was"))
        paint(page)
        expect(page.locator("#said")).to_have_text(re.compile(r"^Pinsel abgesetzt bei \d+, \d+$"))
        page.keyboard.press("Control+Enter")
        expect(page.locator("#said")).to_have_text(re.compile(r"^In \d+,\d s entfernt\."))

    @pytest.mark.parametrize(
        ("locale", "said", "more"),
        [
            ("de", "Der Server ist ausgelastet. Versuchen Sie es gleich noch einmal.", "Meldung des Servers"),
            ("ar", "الخادم مشغول. حاول مرة أخرى بعد قليل.", "رسالة الخادم"),
        ],
    )
    def test_failures_are_explained_with_the_servers_words_at_hand(
        self, open_page: OpenPage, locale: str, said: str, more: str
    ) -> None:
        page = open_sample(open_page(key=KEY, locale=locale))
        paint(page)
        answer = {"type": "tag:image-erase,2026:too-many-requests", "detail": "Wait for 3 seconds."}
        page.route("**/erase", lambda route: route.fulfill(status=429, json=answer), times=1)
        erase_button(page).click()
        expect(page.locator("#alert-text")).to_have_text(said)
        expect(page.locator("#alert-detail")).to_be_hidden()
        page.get_by_text(more).click()
        expect(page.locator("#alert-detail")).to_contain_text("Wait for 3 seconds.")
        page.locator("#alert-action").click()
        expect(page.locator("#results")).to_be_visible()

    def test_keys_are_where_they_are_on_latin_keyboards(self, open_page: OpenPage) -> None:
        page = open_sample(open_page(locale="ar"))
        paint(page)
        # As a keyboard in Arabic sends E and Ctrl+Z.
        send = "(init) => document.body.dispatchEvent(new KeyboardEvent('keydown', { bubbles: true, ...init }))"
        page.evaluate(send, {"key": "ث", "code": "KeyE"})
        expect(page.locator("[value=eraser]")).to_be_checked()
        page.evaluate(send, {"key": "ئ", "code": "KeyZ", "ctrlKey": True})
        expect(page.locator("#undo")).to_be_disabled()
        # One that has other Latin letters means those.
        page.evaluate(send, {"key": "b", "code": "KeyN"})
        expect(page.locator("[value=brush]")).to_be_checked()

    def test_from_right_to_left_the_picture_is_not_mirrored(self, open_page: OpenPage) -> None:
        editor = Editor(open_page(key=KEY, locale="ar", viewport={"width": 1000, "height": 900}))
        editor.open()
        editor.choose("box")
        editor.draw((20, 30), (60, 70))
        mask = editor.mask()
        assert mask[40, 30]
        assert not mask[:, 120:].any()
        editor["erase"].click()
        expect(editor["step-value"]).to_have_text("النتيجة 1 من 1")
        editor.press("compare")
        stage, after, before = (box_of(editor.page.locator(name)) for name in ("#stage", ".side.after", ".side.before"))
        assert before["x"] < stage["x"] + stage["width"] / 2 < after["x"]
        editor.page.keyboard.press("Home")
        expect(editor["split"]).to_have_value("0")
        assert box_of(editor["divider"])["x"] < stage["x"] + stage["width"] / 2

    @pytest.mark.parametrize("tag", OTHERS)
    def test_fits_and_is_accessible(self, open_page: OpenPage, tag: str) -> None:
        page = open_page(key=KEY, locale=tag)
        self._check(page, "welcome")
        open_sample(page)
        paint(page)
        self._check(page, "painted")
        erase_button(page).click()
        expect(page.locator("#results")).to_be_visible()
        self._check(page, "result")
        page.set_input_files("#picture-file", [payload(CHART_FILE, f"{name}.png") for name in "ab"])
        self._check(page, "question", inside="#replace-dialog")
        page.locator("#replace-add").click()
        expect(page.locator("#photo-value")).to_have_text(re.compile("^2 .+ 3$"))
        self._check(page, "several")
        page.locator("#more").click()
        self._check(page, "menu", inside="#menu")
        for name in ("help", "code", "key"):
            if not page.locator("#menu").is_visible():
                page.locator("#more").click()
            page.locator(f"#{name}").click()
            self._check(page, name, inside=f"#{name}-dialog")
            page.keyboard.press("Escape")

    def _check(self, page: Page, state: str, inside: str = "html") -> None:
        # Some dialogs come with a module that is loaded late, or after pictures are decoded.
        expect(page.locator(inside)).to_be_visible()
        if page.evaluate("document.documentElement.lang") in EXAMINED:
            assert_no_barriers(page, state)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            measured = page.evaluate(MEASURE, inside)
            assert measured["document"] <= width, (state, width)
            assert measured["fits"], (state, width)
            assert measured["left"] >= 0, (state, width)
            assert measured["right"] <= width, (state, width)
            assert measured["overflow"] == [], (state, width)
