"""South Slavic languages by their letters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.language import identify
from filters.south_slavic import LABELS, concerns, weigh
from pipeline.models import load_fasttext, resolve

EVEN = {"bs": 0.1, "hr": 0.2, "sh": 0.2, "sl": 0.2, "sr": 0.2, "en": 0.1}


def best(text: str, probabilities: dict[str, float]) -> str:
    weighed = weigh(text, probabilities)
    return max(weighed, key=weighed.__getitem__)


@pytest.mark.parametrize(
    ("text", "rivals", "expected"),
    [
        ("mačka je na strehi in čaka", EVEN, "sl"),  # no ć, no đ in a while
        ("mačka je na strehi in čaka na kos kruha, ki ga ima v roki soseda", {"sr": 0.52, "sl": 0.48}, "sl"),
        ("kuća", {"hr": 0.4, "sl": 0.6}, "hr"),
        ("čuvam pjesme", {"hr": 0.3, "sr": 0.7}, "hr"),
        ("lepo vreme, ali đaci će doći", EVEN, "sr"),  # e where others have je
        ("mjesto i vjera, đaci će doći", EVEN, "hr"),
        ("nitko ne zna što će biti", EVEN, "hr"),
        ("нико не зна шта ће бити", {"ru": 0.5, "mk": 0.3, "sr": 0.2}, "sr"),
        ("ќе дојде", {"sr": 0.6, "mk": 0.4}, "mk"),
        ("этого не может быть", {"ru": 0.9, "sr": 0.1}, "ru"),
        ("ništa", {"sh": 0.9, "en": 0.1}, "sh"),  # nobody to pass it to
    ],
)
def test_weigh(text: str, rivals: dict[str, float], expected: str) -> None:
    assert best(text, rivals) == expected


def test_without_any_hook_letters_say_nothing() -> None:
    """Text stripped of its diacritics: only `sh` gives way."""
    weighed = weigh("macka je na krovu", EVEN)
    assert weighed["hr"] == weighed["sr"] == weighed["sl"] == pytest.approx(0.2 * 0.9 / 0.7)
    assert weighed["sh"] == 0


@given(
    st.text(alphabet="čćđšžjemnk јљђћќы.", max_size=80),
    st.dictionaries(st.sampled_from([*LABELS, "ru", "en", "de"]), st.floats(0.001, 1), min_size=1),
)
def test_probabilities_keep_their_sum_and_other_languages_theirs(
    text: str, probabilities: dict[str, float]
) -> None:
    weighed = weigh(text, probabilities)
    assert weighed.keys() == probabilities.keys()
    assert sum(weighed.values()) == pytest.approx(sum(probabilities.values()))
    for label in ("en", "de"):
        assert weighed.get(label) == probabilities.get(label)


@pytest.mark.parametrize(
    ("label", "text", "expected"),
    [("sh", "a", True), ("ru", "этого", False), ("ru", "није", True), ("en", "није", False)],
)
def test_concerns(label: str, text: str, expected: bool) -> None:
    assert concerns(label, text) is expected


def test_identify_refines_only_where_asked() -> None:
    model = load_fasttext(resolve("bundled:lid.176.ftz"))
    texts = [
        "Nitko ne smije biti podvrgnut samovoljnom uhićenju, zatvoru ili izgonu.",
        "КО ДРУГОМЕ ЈАМУ КОПА, САМ У ЊУ УПАДА",
        "EVERYONE HAS THE RIGHT TO FREEDOM OF THOUGHT",
        "",
    ]
    plain, refined = identify(model, texts), identify(model, texts, refine=True)
    assert refined[0] == ["hr", "sr", "en", ""]
    assert plain[0] != refined[0]
    assert ((refined[1] >= 0) & (refined[1] <= 1)).all()
    assert refined[1][2] == identify(model, [texts[2].lower()])[1][0]
