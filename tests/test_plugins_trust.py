"""Whose code runs: that of files a person names, and of runs and models where they used it before or say so."""

from __future__ import annotations

import io
import json
import shutil
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

import seqnet
from seqnet.errors import CheckpointError, UsageError
from seqnet.layers import Dense, Input, Layer
from seqnet.models import Sequential
from seqnet.plugins import loading, trust
from seqnet.plugins.files import read_plugin
from seqnet.plugins.loading import load
from tests.commands import Run, good, runner

MARK = "from pathlib import Path\nPath('RAN').touch()\n"
LAYER = '''\
from seqnet.plugins import Layer, ParamSpec, PositiveFloat, layer, option
from seqnet.initializers import Ones

@layer
class Gain(Layer):
    """y = factor gain x."""

    factor: PositiveFloat = option("what the input is multiplied by", default=1.0)

    def param_specs(self, in_shape):
        return {"gain": ParamSpec((in_shape[-1],), Ones())}

    def forward(self, x, ctx):
        return self.factor * x * ctx.params["gain"], x

    def backward(self, dy, cache, ctx, *, need_dx=True):
        ctx.grads.add("gain", self.factor * (dy * cache).sum(axis=0))
        return self.factor * dy * ctx.params["gain"]
'''
YAML = """\
plugins: [mine.py]
data: {dataset: iris, validation_split: 0.2}
model: [Gain: {factor: 0.5}, Dense: {units: 3, activation: softmax}]
optimizer: adam
loss: sparse_categorical_crossentropy
metrics: [accuracy]
training: {epochs: 3, batch_size: 40}
"""
ROWS = np.linspace(0, 1, 8, dtype=np.float32).reshape(2, 4)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(tmp_path, monkeypatch, capsys)


@pytest.fixture
def mine(run: Run) -> Path:
    """A run of one's own, runs/x/1, of mine.py, which leaves a file RAN where it is run."""
    Path("mine.py").write_text(MARK + LAYER)
    Path("x.yaml").write_text(YAML)
    np.save("rows.npy", ROWS)
    good(run("train", "x.yaml", "-q"))
    another_process()
    return Path("runs/x/1")


def another_process() -> None:
    """As if the next command ran in a process of its own."""
    loading.forget()
    trust.forget()
    for path in Path().rglob("RAN"):
        path.unlink()


@pytest.fixture
def foreign(mine: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same run, for a person who never saw its plugin."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(Path("another").absolute()))
    Path("mine.py").unlink()
    return mine


def ran() -> bool:
    return any(Path().rglob("RAN"))


OPENING = [
    ["evaluate", "runs/x/1"],
    ["evaluate"],
    ["predict", "runs/x/1/best", "rows.npy"],
    ["predict", "runs/x/1", "rows.npy"],
    ["report", "runs/x/1"],
    ["plot", "runs/x/1", "-o", "x.svg"],
    ["train", "--resume", "runs/x/1", "-s", "training.epochs=4"],
    ["train", "runs/x/1/resolved.yaml"],
    ["check", "runs/x/1/resolved.yaml"],
    ["summary", "runs/x/1/resolved.yaml"],
    ["bench", "runs/x/1/resolved.yaml", "--seconds", "0.01"],
    ["find-lr", "runs/x/1/resolved.yaml"],
]


@pytest.mark.parametrize("arguments", OPENING, ids=" ".join)
def test_the_code_of_a_strangers_run_is_not_run(arguments: list[str], run: Run, foreign: Path) -> None:
    if arguments[0] == "plot":
        pytest.importorskip("matplotlib")
    before = sorted(foreign.rglob("*"))
    code, out, err = run(*arguments)
    assert code == 2 and out == "" and not ran()
    assert "brings code of its own that you have not used before, so it is not run" in err
    assert "plugins/mine.py  SHA-256 " in err and "--trust-plugins" in err and "Traceback" not in err
    assert sorted(foreign.rglob("*")) == before
    code, out, err = run(*arguments, "--trust-plugins")
    assert code == 0 and ran(), err


@pytest.mark.parametrize("arguments", OPENING, ids=" ".join)
def test_a_run_of_ones_own_needs_no_flag(arguments: list[str], run: Run, mine: Path) -> None:
    if arguments[0] == "plot":
        pytest.importorskip("matplotlib")
    code, _, err = run(*arguments)
    assert code == 0 and ran(), err


def test_data_of_a_strangers_file(run: Run, foreign: Path) -> None:
    for arguments in (["data", "info", "runs/x/1/resolved.yaml"], ["compare", "x/1", "x/1"], ["runs"], ["plot"]):
        run(*arguments)
        assert not ran(), arguments


def test_the_flag_is_for_one_command(run: Run, foreign: Path) -> None:
    good(run("evaluate", "--trust-plugins"))
    another_process()
    assert run("evaluate")[0] == 2 and not ran()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 2), ("\n", 2)])
def test_on_a_terminal_it_is_asked(
    answer: str, code: int, run: Run, foreign: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = foreign / "plugins" / "mine.py"
    with plugin.open("a") as file:
        file.write("# \x1b[2J\u202e hidden\n")
    sha = read_plugin(plugin).sha256
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    found, _, err = run("evaluate", "runs/x/1")
    assert found == code and ran() is (code == 0)
    for part in (str(plugin), f"SHA-256 {sha}", "3 | from seqnet.plugins import", "Run it? [y/N]"):
        assert part in err, part
    assert "\x1b[2J" not in err and "\u202e" not in err and "\\x1b[2J\\u202e hidden" in err
    another_process()
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert run("evaluate", "runs/x/1")[0] == code  # a yes is remembered


def test_a_long_file_is_not_shown_whole(run: Run, foreign: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (foreign / "plugins" / "mine.py").open("a") as file:
        file.write("x = 1\n" * 1000)
    monkeypatch.setattr(sys, "stdin", Terminal("n\n"))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    code, _, err = run("evaluate", "x/1")
    assert code == 2 and err.count("| x = 1") < 400 and "lines more, which are to be read in runs/x/1/plugins" in err
    assert "runs/x/1 was not opened, as its code is not to be run" in err


def test_a_changed_copy_is_a_strangers(run: Run, mine: Path) -> None:
    with (mine / "plugins" / "mine.py").open("a") as file:
        file.write("# one more line\n")
    code, _, err = run("evaluate")
    assert code == 2 and not ran() and "not used before" in err
    code, _, err = run("evaluate", "--trust-plugins")
    assert code == 0 and "runs/x/1/plugins/mine.py was changed after runs/x/1 was trained with it" in err


def test_a_run_uses_its_own_copy_and_says_so(run: Run, mine: Path) -> None:
    before = json.loads(good(run("evaluate", "--json")))
    another_process()
    Path("mine.py").write_text(MARK + LAYER.replace("self.factor * x", "-7.0 * self.factor * x"))
    code, out, err = run("evaluate", "--json")
    assert code == 0 and json.loads(out) == before
    assert "mine.py has changed since runs/x/1 was trained; the run's own copy is used" in err
    another_process()
    code, _, err = run("train", "x.yaml", "--resume", "-s", "training.epochs=4", "-q")
    assert code == 0 and "the run's own copy is used" in err
    assert read_plugin(mine / "plugins/mine.py").content == (MARK + LAYER).encode()
    summary = json.loads((mine / "summary.json").read_text())
    assert summary["plugins"][0]["origin"] == str(Path("mine.py").absolute())


def test_versions_of_a_plugin_are_told_apart(run: Run, mine: Path) -> None:
    Path("mine.py").write_text(LAYER)
    good(run("train", "x.yaml", "-q"))
    another_process()
    shown = good(run("compare", "x/1", "x/2"))
    for number in ("1", "2"):
        assert f"mine.py {read_plugin(Path('runs/x', number, 'plugins/mine.py')).sha256[:8]}" in shown
    assert not ran()


def test_a_resumed_run_goes_on_exactly(run: Run, mine: Path) -> None:
    good(run("train", "x.yaml", "-q", "-s", "training.epochs=5"))
    another_process()
    good(run("train", "--resume", "runs/x/1", "-s", "training.epochs=5", "-q"))
    assert (mine / "metrics.csv").read_text() == Path("runs/x/2/metrics.csv").read_text()


def test_a_file_for_a_newer_plugin_does_not_go_on_with_an_old_run(run: Run, mine: Path) -> None:
    Path("mine.py").write_text(
        LAYER.replace("    factor:", "    shift: float = option('new', default=0.0)\n    factor:")
    )
    Path("x.yaml").write_text(YAML.replace("{factor: 0.5}", "{factor: 0.5, shift: 1}"))
    code, _, err = run("train", "x.yaml", "--resume", "-s", "training.epochs=4")
    assert code == 2 and "was trained with another version of a plugin than the file is for: Gain has no option" in err


def test_plugins_of_the_command_line_belong_to_the_run(run: Run) -> None:
    for name in ("one", "two"):
        Path(name).mkdir()
        Path(name, "mine.py").write_text(LAYER.replace("Gain", f"Gain{name.title()}"))
    Path("x.yaml").write_text(
        YAML.replace("plugins: [mine.py]\n", "").replace("Gain: {factor: 0.5}", "GainOne, GainTwo")
    )
    good(run("train", "x.yaml", "-q", "--plugin", "one/mine.py", "--plugin", "two/mine.py"))
    assert "plugins: [plugins/mine.py, plugins/mine_2.py]" in Path("runs/x/1/resolved.yaml").read_text()
    shutil.rmtree("one"), shutil.rmtree("two")
    another_process()
    good(run("evaluate"))


def test_settings_that_cant_be_written_stop_nothing(run: Run, mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("file").touch()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(Path("file").absolute()))
    code, _, err = run("train", "x.yaml", "-q")
    assert code == 0 and "evaluate, predict and the like will need --trust-plugins" in err
    another_process()
    assert run("evaluate")[0] == 2


def test_without_a_home_there_is_no_list(run: Run, mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative/is/ignored")

    def nowhere() -> Path:
        raise RuntimeError("no home")

    monkeypatch.setattr(Path, "home", nowhere)
    assert trust.record_path() is None
    good(run("train", "x.yaml", "-q"))
    another_process()
    assert run("evaluate")[0] == 2


def test_the_list_has_a_line_a_file(settings_of_nobody: Path, run: Run, mine: Path) -> None:
    path = settings_of_nobody / "seqnet" / "plugins-used.txt"
    assert path == trust.record_path()
    sha = read_plugin("mine.py").sha256
    assert path.read_text() == f"{sha}  {Path('mine.py').absolute()}\n"
    good(run("train", "x.yaml", "-q"))
    assert len(path.read_text().splitlines()) == 1
    if sys.platform != "win32":
        assert path.stat().st_mode & 0o077 == 0


# -- model files, and Python ------------------------------------------------------------------------------------------


@pytest.fixture
def saved(mine: Path) -> Path:
    seqnet.load_model(mine).save("gain.seqnet")
    another_process()
    return Path("gain.seqnet")


def test_a_model_file_brings_its_plugin_along(run: Run, saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree("runs")
    Path("mine.py").unlink()
    with zipfile.ZipFile(saved) as archive:
        assert archive.read("plugins/mine.py").decode() == MARK + LAYER
    expected = seqnet.load_model(saved).predict(ROWS, verbose=0)
    another_process()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(Path("another").absolute()))
    with pytest.raises(UsageError, match="gain.seqnet brings code of its own that you have not used before"):
        seqnet.load_model(saved)
    code, _, err = run("predict", "gain.seqnet", "rows.npy")
    assert code == 2 and "gain.seqnet/plugins/mine.py  SHA-256" in err and not Path("RAN").exists()
    good(run("predict", "gain.seqnet", "rows.npy", "--trust-plugins"))
    another_process()
    model = seqnet.load_model(saved, trust_plugins=True)
    np.testing.assert_array_equal(model.predict(ROWS, verbose=0), expected)


def test_a_run_in_python(foreign: Path) -> None:
    with pytest.raises(UsageError, match="trust_plugins=True"):
        seqnet.load_model(foreign)
    with pytest.raises(UsageError, match="trust_plugins=True"):
        seqnet.load_spec(foreign / "resolved.yaml")
    assert not ran()
    assert seqnet.load_model(foreign, trust_plugins=True).count_params() == 4 + 15
    assert seqnet.load_spec(foreign / "resolved.yaml").build_model().count_params() == 4 + 15  # it has been run


@pytest.mark.parametrize("name", ["../../mine.py", "/etc/passwd", "a\\b.py", "mine.txt", 3])
def test_a_checkpoint_leads_to_no_other_folder(name: object, mine: Path) -> None:
    state = mine / "best" / "state.json"
    data = json.loads(state.read_text())
    assert data["plugins"] == ["mine.py"]
    state.write_text(json.dumps({**data, "plugins": [name]}))
    with pytest.raises((CheckpointError, seqnet.SeqnetError), match="is no name of a plugin"):
        seqnet.load_model(mine)


def make_gain() -> type[Layer]:
    """Gain as a script would define it, not registered."""
    names: dict[str, type[Layer]] = {"__name__": "a_script"}  # type: ignore[dict-item]
    exec(compile(LAYER.replace("@layer\n", ""), "a_script.py", "exec", dont_inherit=True), names)
    return names["Gain"]


def saved_without_plugin(gain: type[Layer]) -> Sequential:
    model = Sequential([Input((4,)), gain(0.5), Dense(3)], seed=1)
    model.compile("sgd", "mse")
    model.save("script.seqnet")
    return model


def test_custom_objects_as_in_keras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "a_script", sys)
    gain = make_gain()
    model = saved_without_plugin(gain)
    with pytest.raises(CheckpointError, match="needs a class that is not known here.*'Gain'.*custom_objects"):
        seqnet.load_model("script.seqnet")
    again = seqnet.load_model("script.seqnet", custom_objects={"Gain": gain})
    np.testing.assert_array_equal(again.predict(ROWS, verbose=0), model.predict(ROWS, verbose=0))
    with seqnet.utils.custom_object_scope({"Gain": gain}):
        seqnet.load_model("script.seqnet")
    seqnet.models.model_from_json(model.to_json(), custom_objects={"Gain": gain})
    seqnet.saving.get_custom_objects()["Gain"] = gain
    try:
        seqnet.load_model("script.seqnet")
    finally:
        seqnet.saving.get_custom_objects().clear()


def test_registered_as_in_keras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "a_script", sys)
    gain = make_gain()
    assert seqnet.saving.register_keras_serializable("mine")(gain) is gain
    try:
        saved_without_plugin(gain)
        assert type(seqnet.load_model("script.seqnet").layers[0]) is gain
        made = Sequential.from_config({"layers": [{"Input": {"shape": [4]}}, {"mine>Gain": {}}]})
        assert type(made.layers[0]) is gain
    finally:
        seqnet.registry.take_back(gain)
    with pytest.raises(UsageError, match="only layers, losses, metrics"):
        seqnet.utils.register_keras_serializable()(int)  # type: ignore[type-var]


def test_a_plugin_may_be_imported_by_a_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And then be named by a file in the same process: the file's classes take the place of the script's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    Path("mine_of_a_script.py").write_text(LAYER)
    Path("x.yaml").write_text(YAML.replace("mine.py", "mine_of_a_script.py"))
    import mine_of_a_script  # type: ignore[import-not-found]

    assert seqnet.models.Sequential([mine_of_a_script.Gain()]).layers[0].spec_name == "Gain"
    load([read_plugin("mine_of_a_script.py")])
    assert seqnet.load_spec("x.yaml").build_model().count_params() == 19
