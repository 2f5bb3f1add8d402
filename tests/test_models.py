"""Model files: where they come from, what is said of the wrong ones, and that a process loads one once."""

import pickle
import re
import shutil
from pathlib import Path
from typing import Any

import fasttext
import pytest
import xxhash
from apache_beam.io.filesystems import FileSystems

from filters.perplexity import Cutoffs, Mode
from filters.reference import reference_scores
from pipeline import models
from pipeline.errors import WinnowError
from pipeline.models import (
    Model,
    ModelError,
    forget,
    kind,
    load_fasttext,
    load_kenlm,
    load_language_model,
    load_reference,
    load_sentencepiece,
    resolve,
)
from pipeline.train.supervised import Settings, train

DATA = Path(__file__).parent / "data" / "perplexity"
LID = "bundled:lid.176.ftz"
PIECES, ARPA = str(DATA / "toy.sp.model"), str(DATA / "toy.arpa")


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny unquantised classifier with other labels than the reference classifier's."""
    folder = tmp_path_factory.mktemp("classifier")
    examples = [(f"__label__{label}", label * 3) for label in "ab"]
    train(examples, folder, "model.bin", Settings(dimensions=4, quantize=False))
    return folder / "model.bin"


def test_a_bundled_and_a_local_model_are_named_by_their_bytes(tmp_path: Path) -> None:
    bundled = resolve(LID)
    copy = tmp_path / "copy.ftz"
    shutil.copy(bundled.path, copy)
    assert resolve(str(copy)) == bundled
    assert bundled.digest == xxhash.xxh3_128_hexdigest(copy.read_bytes())
    assert load_fasttext(resolve(str(copy))) is load_fasttext(bundled)


def test_only_strings_are_pickled() -> None:
    model = resolve(PIECES)
    load_sentencepiece(model)
    assert len(pickle.dumps(model)) < 500
    assert pickle.loads(pickle.dumps(model)) == model


def test_a_remote_model_is_fetched_once_until_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote, cache = tmp_path / "remote.bin", tmp_path / "cache"
    remote.write_bytes(b"first")
    monkeypatch.setenv("WINNOW_MODEL_CACHE", str(cache))
    monkeypatch.setattr(models, "is_local", lambda path: False)
    opened: list[str] = []

    def open_counted(path: str) -> Any:
        opened.append(path)
        return FileSystems.open(path)

    monkeypatch.setattr(models, "open_file", open_counted)
    for _ in range(3):
        forget()  # as a new process would
        model = resolve(str(remote))
        assert Path(model.path) == cache / model.digest
        assert Path(model.path).read_bytes() == b"first"
    assert len(opened) == 1
    remote.write_bytes(b"second, longer")
    forget()
    assert Path(resolve(str(remote)).path).read_bytes() == b"second, longer"
    assert not list(cache.glob("*.tmp"))
    forget()


def test_a_fetch_that_breaks_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def __enter__(self) -> "Broken":
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def read(self, count: int) -> bytes:
            raise WinnowError("cannot read it: connection lost")

    (tmp_path / "remote.bin").write_bytes(b"data")
    monkeypatch.setenv("WINNOW_MODEL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(models, "is_local", lambda path: False)
    monkeypatch.setattr(models, "open_file", lambda path: Broken())
    with pytest.raises(ModelError, match="connection lost"):
        resolve(str(tmp_path / "remote.bin"))
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("bundled:lid.ftz", r"^there is no bundled model lid\.ftz; there are: .*lid\.176\.ftz"),
        ("nowhere/model.bin", r"^model nowhere/model\.bin cannot be read: No such file or directory$"),
    ],
)
def test_a_missing_model(name: str, sentence: str) -> None:
    with pytest.raises(ModelError, match=sentence):
        resolve(name)


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "empty.bin").touch()
    with pytest.raises(ModelError, match="empty file"):
        resolve(str(tmp_path / "empty.bin"))


LOADERS = {"fastText": load_fasttext, "KenLM": load_kenlm, "SentencePiece": load_sentencepiece}
FILES = {"fastText": LID, "KenLM": ARPA, "SentencePiece": PIECES}


@pytest.mark.parametrize("wanted", LOADERS)
@pytest.mark.parametrize("given", FILES)
def test_a_model_of_another_kind(wanted: str, given: str) -> None:
    model = resolve(FILES[given])
    assert kind(model) == given
    if wanted == given:
        assert LOADERS[wanted](model) is LOADERS[wanted](model)
        return
    with pytest.raises(ModelError, match=f"is a {given} model, and a {wanted} model is needed here"):
        LOADERS[wanted](model)


@pytest.mark.parametrize("wanted", LOADERS)
def test_a_damaged_model(wanted: str, tmp_path: Path) -> None:
    """A file cut short at many places is never loaded, and never brings the process down."""
    whole = Path(resolve(FILES[wanted]).path).read_bytes()
    for share in (0.01, 0.3, 0.5, 0.9, 0.999):
        cut = tmp_path / f"{wanted}-{share}"
        cut.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(ModelError, match=f"^model {cut} is .*(damaged|no {wanted})"):
            LOADERS[wanted](resolve(str(cut)))
    page = tmp_path / "page.html"
    page.write_text("<html>404 not found</html>")
    with pytest.raises(ModelError, match=f"is no {wanted} model, or is damaged"):
        LOADERS[wanted](resolve(str(page)))


def test_an_unquantised_fasttext_model_is_checked_too(classifier: Path, tmp_path: Path) -> None:
    load_fasttext(resolve(str(classifier)))
    whole = classifier.read_bytes()
    for name, data in {"short": whole[:-1], "long": whole + b"\0"}.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ModelError, match="damaged"):
            load_fasttext(resolve(str(tmp_path / name)))


def test_word_vectors_are_no_classifier(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("a b c d\n" * 50)
    fasttext.train_unsupervised(
        str(tmp_path / "text"), dim=2, epoch=1, bucket=10, thread=1, minCount=1, verbose=0
    ).save_model(str(tmp_path / "vectors.bin"))
    with pytest.raises(ModelError, match="word vectors, not a classifier"):
        load_fasttext(resolve(str(tmp_path / "vectors.bin")))


def test_a_classifier_of_other_labels_is_no_reference_classifier(classifier: Path) -> None:
    with pytest.raises(ModelError, match=r"its labels are a, b$"):
        load_reference(resolve(str(classifier)))


def test_language_model_and_pieces_must_belong_together(tmp_path: Path) -> None:
    assert load_language_model(resolve(ARPA), resolve(PIECES), None, "en", "lines").cutoffs is None
    other = tmp_path / "other.arpa"
    other.write_text(
        "\\data\\\nngram 1=3\nngram 2=1\n\n\\1-grams:\n-1\t<unk>\n-1\t</s>\n-99\t<s>\t-0.1\n\n"
        "\\2-grams:\n-0.5\t<s> </s>\n\n\\end\\\n"
    )
    with pytest.raises(ModelError, match=r"was not trained on the pieces of .*: it knows \d+ of their 12\d"):
        load_language_model(resolve(str(other)), resolve(PIECES), None, "en", "lines")


def test_cutoffs_of_both_forms(tmp_path: Path) -> None:
    table = resolve("bundled:ccnet-cutoff.csv")

    def load(cutoffs: Model, language: str) -> Cutoffs | None:
        return load_language_model(resolve(ARPA), resolve(PIECES), cutoffs, language, "ccnet").cutoffs

    assert load(table, "en") == (340, 520)
    assert load(table, "sl") is None
    own = tmp_path / "en.cutoffs.json"
    own.write_text('{"percentiles": {"ccnet": ' + str(list(range(100))) + "}}")
    assert load(resolve(str(own)), "en") == (30, 60)
    own2 = tmp_path / "bad.json"
    own2.write_text("{}")
    with pytest.raises(ModelError, match=r"cutoffs .*bad.json: no percentiles 30 and 60 of mode ccnet"):
        load(resolve(str(own2)), "en")


@pytest.mark.parametrize("mode", ["lines", "ccnet"])
def test_the_bundled_english_models_tell_prose_from_debris(mode: Mode) -> None:
    files = [resolve(f"bundled:en.{name}") for name in ("lm.bin", "sp.model", "cutoffs.json")]
    model = load_language_model(files[0], files[1], files[2], "en", mode)
    prose = "The university was founded in the nineteenth century and is one of the oldest in the country."
    debris = "Login Cart 0 items Qty SKU tops bottoms xs s m l xl sign-up npm undefined click here >> next"
    assert model.judge(prose).bucket == "head"
    assert model.judge(debris).bucket == "tail"
    reference = load_reference(resolve("bundled:reference.en.ftz"))
    scores = reference_scores(reference, [prose, "You will love our amazing products, so call us today!"])
    assert scores[0] > 0.5 > scores[1]


@pytest.mark.parametrize("name", ["lid.176.ftz", "en.lm.bin", "reference.en.ftz", "ccnet-cutoff.csv"])
def test_a_bundled_model_has_a_card_that_names_its_licence(name: str) -> None:
    card = Path(resolve(f"bundled:{name}").path).with_suffix(".md").read_text()
    assert re.search("CC-BY-SA|MIT", card)


def test_a_model_is_one_of_its_bytes() -> None:
    assert Model("a", "x", "1") == Model("b", "y", "1") != Model("a", "x", "2")
