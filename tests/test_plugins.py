"""Files of a person's own components: how they are named, what is said of them when they are wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import seqnet
from seqnet import plugins, registry
from seqnet.declare import parts_of
from seqnet.errors import SpecError, UsageError
from seqnet.layers import Dense
from seqnet.losses import MeanSquaredError
from seqnet.network import crew
from seqnet.network.engine import Engine
from seqnet.network.network import Network
from seqnet.plugins.faults import PluginError
from seqnet.plugins.files import read_plugin
from seqnet.plugins.loading import load
from seqnet.spec.check import check_file
from seqnet.spec.diagnostics import render_problems
from tests.commands import Run, good, runner

ROOT = Path(__file__).parent.parent
BACKWARD = "    def backward(self, dy, cache, ctx, *, need_dx=True):\n        return dy\n"
PASS = "    def forward(self, x, ctx):\n        return x, None\n" + BACKWARD
LAYER = f"from seqnet.plugins import *\n\n@layer\nclass X(Layer):\n{PASS}"
YAML = """\
plugins: [mine.py]
data: {dataset: iris, validation_split: 0.2}
model:
  - X
  - Dense: {units: 3, activation: softmax}
optimizer: adam
loss: sparse_categorical_crossentropy
metrics: [accuracy]
training: {epochs: 2, batch_size: 40}
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(tmp_path, monkeypatch, capsys)


def write(code: str, text: str = YAML, name: str = "mine.py") -> None:
    Path(name).write_text(code)
    Path("x.yaml").write_text(text)


# -- every kind is taken ----------------------------------------------------------------------------------------------

EVERYTHING = f'''\
"""One of each kind."""
from __future__ import annotations
from collections.abc import Sequence
from typing import Any
import numpy as np
from seqnet.optimizers import SGD
from seqnet.plugins import *

@layer
class X(Layer):
    """y = x."""
{PASS}
@activation
class bent(Activation):
    def forward(self, x, *, out=None):
        return x + 0.1 * x * x, x

    def backward(self, dy, cache, *, out=None):
        return dy * (1 + 0.2 * cache)

@loss("sq")
class Squares(Loss):
    """Sum of squares against one-hot rows."""
    def values(self, y_true, y_pred):
        return ((y_pred - y_true) ** 2).sum(axis=-1)

    def vjp(self, y_true, y_pred, weights):
        return 2 * (y_pred - y_true) * weights[..., None]

@metric
class Largest(Metric):
    """The largest output."""
    def update_state(self, y_true, y_pred, sample_weight=None):
        self.sums["most"] = max(self.sums.get("most", 0.0), float(y_pred.max()))

    def result(self):
        return self.sums.get("most", 0.0)

@initializer
class Tenth(Initializer):
    def make(self, shape, rng, dtype=np.float32):
        return np.full(shape, 0.1, dtype)

@regularizer
class Cubes(Regularizer):
    def __call__(self, w):
        return float(np.abs(w ** 3).sum())

    def add_gradient(self, w, dw):
        dw += 3 * w * np.abs(w)

@constraint
class Small(Constraint):
    def __call__(self, w):
        return np.clip(w, -1, 1)

@schedule
class Halving(Schedule):
    start: PositiveFloat = option("first rate", default=0.1)

    def __call__(self, step: float) -> float:
        return self.start * 0.5 ** (step / 10)

@optimizer
class Mine(SGD):
    """SGD under another name."""

@callback
class Telling(Callback):
    """Says how an epoch went."""
    def on_epoch_end(self, epoch, logs=None):
        self.say(f"epoch {{epoch}} is over")

@dataset
class corners(Dataset):
    """Four corners."""
    title = "corners"
    licence = "none"
    origin = "made"
    rows = "40"

    def load(self) -> Data:
        x = np.tile(np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32), (10, 1))
        y = (x[:, 0] != x[:, 1]).astype(np.int64)
        return Data("corners", Split(x, np.eye(2, dtype=np.float32)[y]))
'''
ALL_KINDS = """\
plugins: [mine.py]
data: {dataset: corners}
model:
  - X
  - Dense: {units: 4, activation: bent, kernel_initializer: Tenth, kernel_regularizer: Cubes, kernel_constraint: Small}
  - Dense: {units: 2}
optimizer: {Mine: {learning_rate: Halving}}
loss: sq
metrics: [Largest]
training: {epochs: 2, batch_size: 8}
callbacks: [Telling]
"""


def test_every_kind_of_component_can_be_ones_own(run: Run) -> None:
    write(EVERYTHING, ALL_KINDS)
    assert "is fine" in good(run("check", "x.yaml"))
    code, out, err = run("train", "x.yaml", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert found["history"]["Largest"][-1] > 0 and "epoch 1 is over" in err
    resolved = Path("runs/x/1/resolved.yaml").read_text()
    for name in ("X", "bent", "Squares", "Largest", "Tenth", "Cubes", "Small", "Halving", "Mine", "Telling", "corners"):
        assert name in resolved
    assert "plugins: [plugins/mine.py]" in resolved
    assert json.loads(good(run("evaluate", "--split", "train", "--json")))["Largest"] > 0
    kinds = json.loads(good(run("list", "--json", "--plugin", "mine.py")))
    for kind, total in json.loads(good(run("list", "--json"))).items():
        assert kinds[kind] == total, kind  # this process has it already


def test_the_commands_that_look_things_up_take_plugins(run: Run) -> None:
    write(LAYER.replace("class X(Layer):\n", 'class X(Layer):\n    """y = x, by me."""\n\n'))
    assert "X" not in good(run("list", "layers")).split()
    assert "y = x, by me." in good(run("list", "layers", "--plugin", "mine.py"))
    page = json.loads(good(run("describe", "X", "--plugin", "mine.py", "--json")))
    assert page["plugin"] == "mine.py:4" and page["example"] == "plugins: [mine.py]\nmodel: [X]\n"
    assert "from mine.py:4" in good(run("describe", "X"))
    schema = json.loads(good(run("schema", "--plugin", "mine.py")))
    assert "X" in schema["$defs"]["layer"]["anyOf"][0]["enum"] and "plugins" in schema["properties"]
    assert "(X)" in good(run("summary", "x.yaml"))
    Path("bare.yaml").write_text(YAML.replace("plugins: [mine.py]\n", ""))
    assert "(X)" in good(run("summary", "bare.yaml", "--plugin", "mine.py"))


def test_paths_begin_at_the_folder_of_the_file(run: Run) -> None:
    Path("inner").mkdir()
    write(LAYER, name="inner/mine.py")
    Path("x.yaml").rename("inner/x.yaml")
    assert "is fine" in good(run("check", "inner/x.yaml"))
    assert "is fine" in good(run("check", "inner/x.yaml", "-s", f"plugins=['{Path('inner/mine.py').absolute()}']"))


def test_a_file_runs_once_and_its_prints_are_no_output(run: Run) -> None:
    write(
        "print('hello')\nfrom pathlib import Path\nPath('count').write_text(Path('count').read_text() + '1')\n" + LAYER
    )
    Path("count").write_text("")
    code, out, err = run("check", "x.yaml", "--json")
    assert code == 0 and json.loads(out)["ok"] and "hello" in err
    good(run("summary", "x.yaml"))
    assert Path("count").read_text() == "1"


def test_nothing_is_imported_that_no_one_asked_for(run: Run, tmp_path: Path) -> None:
    write("from pathlib import Path\nPath('ran').touch()\n" + LAYER)
    for arguments in (["--help"], ["train", "--help"], ["list", "layers"], ["describe", "Dense"], ["schema"]):
        good(run(*arguments))
    good(run("check", "moons.yaml"))
    words = "seqnet summary x.yaml --plugin mine.py --pl"
    environment = {
        "PATH": "",
        "PYTHONPATH": str(ROOT),
        "_SEQNET_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": "5",
    }
    command = [sys.executable, "-m", "seqnet.cli.main", "summary", "x.yaml", "--plugin", "mine.py"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert "--plugin" in done.stdout, done.stderr
    assert not Path("ran").exists()


# -- names ------------------------------------------------------------------------------------------------------------


def refused(code: str, text: str = YAML) -> str:
    write(code, text)
    result = check_file("x.yaml")
    assert result.document is not None
    return render_problems(result.problems, result.document)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (LAYER.replace("class X", "class Dense"), "mine.py:4:1: error: seqnet has a layer named Dense already"),
        (LAYER.replace("@layer", "@layer('ReLU')"), "mine.py:4:1: error: seqnet has a layer named ReLU already"),
        (LAYER + LAYER.partition("\n")[2], "mine.py:11:1: error: a layer named X is in this file already"),
        (
            "from seqnet.plugins import *\n@metric\nclass Mse(Metric):\n    def update_state(self, y_true, y_pred, "
            "sample_weight=None): ...\n    def result(self): ...\n",
            "mine.py:3:1: error: a metric named mse is seqnet's MeanSquaredError already",
        ),
    ],
)
def test_names_that_are_taken(code: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    before = {kind: dict(names) for kind, names in registry._names.items()}
    assert said in refused(code)
    for kind, names in before.items():
        assert {k: v for k, v in registry._names[kind].items() if not registry.is_built_in(v)} == {
            k: v for k, v in names.items() if not registry.is_built_in(v)
        }


def test_two_plugins_with_one_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("other.py").write_text("# another\n" + LAYER)
    said = refused(LAYER, YAML.replace("[mine.py]", "[mine.py, other.py]"))
    assert said.startswith("other.py:5:1: error: a layer named X is in mine.py:4 already\n")
    assert "no layer named" not in said


def test_a_changed_file_takes_the_place_of_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a notebook, where the file is edited between two calls; and back again."""
    monkeypatch.chdir(tmp_path)
    for factor in (2.0, 3.0, 2.0):
        write(
            LAYER.replace("return x, None", f"return x * np.float32({factor}), None").replace(
                "\n\n", "\nimport numpy as np\n", 1
            )
        )
        model = seqnet.load_spec("x.yaml", ["model=[X]"]).build_model((2,))
        np.testing.assert_array_equal(model.predict(np.ones((1, 2), np.float32), verbose=0), [[factor, factor]])


# -- what is wrong with a file ----------------------------------------------------------------------------------------

HEAD = "from seqnet.plugins import *\nimport numpy as np\n@layer\nclass X(Layer):\n"
OPTION = HEAD + "    one: int = option('one', default=1)\n"
FAULTS: dict[str, tuple[str, str]] = {
    "syntax": ("class X(\n", "mine.py:1:8: error: SyntaxError: '(' was never closed"),
    "encoding": ("# coding: nonsense\n", "mine.py:1:1: error: SyntaxError: unknown encoding: nonsense"),
    "import": ("import nowhere_at_all\n", "mine.py:1:1: error: ModuleNotFoundError: No module named 'nowhere_at_all'"),
    "raises": ("def f():\n    return 1 / 0\n\nf()\n", "mine.py:2:5: error: ZeroDivisionError: division by zero"),
    "exits": ("import sys\nsys.exit(3)\n", "mine.py:2:1: error: the file ends the program; a plugin only defines"),
    "empty": ("", "mine.py:1:1: error: the file defines no component"),
    "decorator forgotten": (LAYER.replace("@layer", ""), "mine.py:4:1: error: X is not made known"),
    "no base": (
        "from seqnet.plugins import *\n@layer\nclass X:\n    pass\n",
        "mine.py:2:1: error: TypeError: X is no component",
    ),
    "as in Keras": (
        HEAD + "    def call(self, x):\n        return x\n",
        "mine.py:4:1: error: X must define forward(x, ctx)",
    ),
    "no backward": (
        HEAD + "    def forward(self, x, ctx):\n        return x, None\n",
        "mine.py:4:1: error: X must define backward(dy, cache, ctx, *, need_dx=True)",
    ),
    "arguments": (
        HEAD + "    def forward(self, x):\n        return x, None\n" + BACKWARD,
        "mine.py:5:5: error: X.forward is called with (x, ctx), which it does not take",
    ),
    "option without type": (
        HEAD + "    size = option('size', default=3)\n" + PASS,
        "mine.py:5:5: error: the option size needs a type",
    ),
    "option of unknown type": (
        "from __future__ import annotations\n" + OPTION + "    size: Positive = option('size', default=3)\n" + PASS,
        "mine.py:7:5: error: size has no type that an option can have: NameError: name 'Positive' is not defined",
    ),
    "option of no type": (
        OPTION + "    size: np.ndarray = option('size', default=3)\n" + PASS,
        "mine.py:6:5: error: size has no type that an option can have: no rule for the annotation",
    ),
    "option with a wrong default": (
        OPTION + "    size: PositiveInt = option('size', default=-3)\n" + PASS,
        "mine.py:6:5: error: the default of the option size is none that it takes: size must be a whole number > 0",
    ),
    "option without help": (
        OPTION + "    size: int = option(default=3)\n" + PASS,
        "mine.py:6:5: error: TypeError: option() missing",
    ),
    "setup raises": (
        HEAD + "    def setup(self):\n        self.a = 1 / 0\n" + PASS,
        "mine.py:6:9: error: ZeroDivisionError: division by zero",
    ),
    "output_shape raises": (
        HEAD + "    def output_shape(self, in_shape):\n        return in_shape[7]\n" + PASS,
        "mine.py:6:9: error: IndexError: tuple index out of range",
    ),
    "a shape that is a number": (
        HEAD + "    def output_shape(self, in_shape):\n        return 3\n" + PASS,
        "mine.py:5:5: error: X.output_shape returns int 3, but must return a tuple of lengths",
    ),
    "variables without specs": (
        HEAD + "    def param_specs(self, in_shape):\n        return {'w': (3,)}\n" + PASS,
        "mine.py:5:5: error: X.param_specs returns dict {'w': (3,)}, but must return a dict of ParamSpec",
    ),
    "a variable of no shape": (
        HEAD + "    def param_specs(self, in_shape):\n        return {'w': ParamSpec((None, 3), None)}\n" + PASS,
        "mine.py:5:5: error: X.param_specs gives w the shape (None, 3), but must give a tuple of whole numbers",
    ),
    "a variable without start": (
        HEAD + "    def param_specs(self, in_shape):\n        return {'w': ParamSpec((3,), 'zeros')}\n" + PASS,
        "mine.py:5:5: error: X.param_specs gives w the initializer str zeros",
    ),
    "forward raises": (
        HEAD + "    def forward(self, x, ctx):\n        return x @ nothing, None\n" + BACKWARD,
        "mine.py:6:9: error: NameError: name 'nothing' is not defined",
    ),
    "backward raises": (
        LAYER.replace("return dy\n", "return dy[:, 99]\n"),
        "mine.py:8:9: error: IndexError: index 99 is out of bounds",
    ),
    "no cache": (
        LAYER.replace("return x, None", "return x"),
        "mine.py:5:5: error: X.forward returns an array of shape (2, 4), but must return y and a cache",
    ),
    "a list": (
        LAYER.replace("return x, None", "return [1], None"),
        "mine.py:5:5: error: X.forward returns list [1] as y",
    ),
    "wrong shape": (
        LAYER.replace("return x, None", "return x[:, :2], None"),
        "mine.py:5:5: error: X.forward returns y of shape (N, 2), but output_shape says (N, 4)",
    ),
    "wrong dtype": (
        LAYER.replace("return x, None", "return x.astype('float64'), None"),
        "mine.py:5:5: error: X.forward returns y in float64, but the model computes in float32",
    ),
    "writes into x": (
        LAYER.replace("return x, None", "x *= 2; return x, None"),
        "mine.py:6:9: error: X writes into an array that it was given",
    ),
    "writes into dy": (
        LAYER.replace("return dy\n", "dy += 1; return dy\n"),
        "mine.py:8:9: error: X writes into an array that it was given",
    ),
    "no dx": (LAYER.replace("return dy\n", "pass\n"), "mine.py:7:5: error: X.backward returns nothing (None)"),
    "dx of another shape": (
        LAYER.replace("return dy\n", "return dy[:, :1]\n"),
        "mine.py:7:5: error: X.backward returns dx of shape (N, 1), but x has (N, 4)",
    ),
    "dx of another dtype": (
        LAYER.replace("return dy\n", "return dy.astype('float64')\n"),
        "mine.py:7:5: error: X.backward returns dx in float64, but the model computes in float32",
    ),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_fault_is_told_at_its_line(case: str, run: Run) -> None:
    code, said = FAULTS[case]
    write(code)
    number, out, err = run("check", "x.yaml")
    assert number == 2 and err == ""
    assert out.startswith(said), out
    assert out.rstrip().endswith("1 error") and "Traceback" not in out
    number, out, err = run("check", "x.yaml", "--json")
    [problem] = json.loads(out)["problems"]
    assert (problem["file"], problem["line"]) == ("mine.py", int(said.split(":")[1]))
    number, out, err = run("train", "x.yaml")
    assert number == 2 and out == "" and "mine.py:" in err and "Traceback" not in err
    assert not Path("runs").exists()


def test_debug_shows_the_traceback(run: Run) -> None:
    write("def f():\n    return 1 / 0\n\nf()\n")
    code, _, err = run("train", "x.yaml", "--debug")
    assert code == 2 and "Traceback" in err and 'File "mine.py", line 2, in f' in err and "return 1 / 0" in err


@pytest.mark.parametrize("threads", ["1", "2"])
def test_a_fault_in_the_middle_of_a_training_ends_the_run(threads: str, run: Run) -> None:
    """The trial has two rows; this layer minds forty."""
    write(LAYER.replace("return x, None", "return x if len(x) < 9 else x[[99]], None"))
    code, _, err = run("train", "x.yaml", "-q", "--threads", threads)
    assert code == 1
    assert "mine.py:6: error: IndexError: index 99 is out of bounds" in err and "of its own" not in err
    record = json.loads(Path("runs/x/1/summary.json").read_text())
    assert record["state"] == "failed" and record["error"].startswith("mine.py:6: error: IndexError")


def test_what_a_class_returned_is_told_at_the_class(run: Run) -> None:
    """The exception is raised in our code, where nothing but the object itself says whose fault it is."""
    loss = "from seqnet.plugins import *\n@loss\nclass Bad(Loss):\n    def values(self, y_true, y_pred):\n"
    loss += (
        "        return y_pred.sum(axis=1)\n    def vjp(self, y_true, y_pred, weights):\n        return y_pred[:3]\n"
    )
    text = YAML.replace("  - X\n", "").replace("sparse_categorical_crossentropy", "bad")
    write(loss, text.replace("split: 0.2", "split: 0.2, one_hot: true").replace("metrics: [accuracy]\n", ""))
    code, _, err = run("train", "x.yaml", "-q", "--threads", "1")
    assert code == 1 and "mine.py:3: error: Bad.value_and_gradient: ValueError: cannot reshape array" in err


def test_a_fault_in_a_prediction_is_told_at_its_line(run: Run) -> None:
    write(LAYER.replace("return x, None", "return x if len(x) < 99 or ctx.training else x[[999]], None"))
    good(run("train", "x.yaml", "-q"))
    np.save("rows.npy", np.zeros((300, 4), np.float32))
    code, _, err = run("predict", "x", "rows.npy")
    assert code == 2 and "mine.py:6: error: IndexError" in err


def test_a_fault_inside_another_layer_is_found(run: Run) -> None:
    code, said = FAULTS["wrong dtype"]
    write(code, YAML.replace("  - X\n", "  - Residual: {layers: [X]}\n"))
    number, out, _ = run("check", "x.yaml")
    assert number == 2 and out.startswith(said)


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("mine.py", "x.yaml:1:10: error: plugins must be a list of Python files, got 'mine.py'"),
        ("[3]", "x.yaml:1:11: error: a plugin is the path of a Python file, got 3"),
        ("[mien.py]", "x.yaml:1:11: error: there is no plugin mien.py"),
        ("[mine.txt]", "x.yaml:1:11: error: a plugin is a Python file whose name ends in .py, got mine.txt"),
        ("[folder.py]", "x.yaml:1:11: error: the plugin folder.py is a folder or a device"),
        ("[large.py]", "x.yaml:1:11: error: the plugin large.py has more than 1 MB"),
    ],
)
def test_a_wrong_section(section: str, said: str, run: Run) -> None:
    write(LAYER, YAML.replace("[mine.py]", section))
    Path("folder.py").mkdir()
    Path("large.py").write_bytes(b"#" * 1_000_001)
    code, out, _ = run("check", "x.yaml")
    assert code == 2 and out.startswith(said), out
    assert "no layer named" not in out
    if "mien" in section:
        assert "did you mean mine.py?" in out


def test_a_wrong_file_on_the_command_line(run: Run) -> None:
    code, out, err = run("describe", "X", "--plugin", "mien.py")
    assert code == 2 and out == "" and err.startswith("error: there is no plugin mien.py")


# -- who does the work ------------------------------------------------------------------------------------------------


def test_processes_are_for_our_own_classes_alone(tmp_path: Path) -> None:
    """Also where what is foreign is only an option of a layer."""
    path = tmp_path / "mine.py"
    path.write_text(EVERYTHING)
    load([read_plugin(path)])
    for options, ours in (({}, True), ({"activation": "bent"}, False), ({"kernel_regularizer": "Cubes"}, False)):
        layer = Dense(3, **options)
        assert all(registry.is_built_in(type(part)) for part in parts_of(layer)) is ours
        engine = Engine(Network([layer], (4,)), MeanSquaredError(), threads=2)
        assert engine._shards_can_fork is (ours and crew.possible())


def test_names_for_authors_are_there() -> None:
    for name in plugins.__all__:
        assert getattr(plugins, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        plugins.Nothing  # noqa: B018


# -- in Python --------------------------------------------------------------------------------------------------------


def test_a_file_is_loaded_with_its_plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(LAYER)
    model = seqnet.load_spec("x.yaml").build_model()
    assert [type(layer).__name__ for layer in model.layers] == ["X", "Dense"]
    write("oh no\n", YAML)
    with pytest.raises(SpecError, match=r"mine.py:1:4: error: SyntaxError"):
        seqnet.load_spec("x.yaml")
    with pytest.raises(PluginError, match=r"mine.py:1: error: SyntaxError"):
        load([read_plugin("mine.py")])
    with pytest.raises(UsageError, match="there is no plugin"):
        seqnet.load_spec("x.yaml", plugins=["nowhere.py"])
