"""The article's notebook runs from its first cell to its last, and tells the article's story."""

import json
import subprocess
import sys
from pathlib import Path

import IPython.display
import nbformat
import pytest
from nbconvert.preprocessors import ExecutePreprocessor

from highmark import screen

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "article.ipynb"


# Of the notebook tools themselves.
@pytest.mark.filterwarnings("ignore")
def test_the_article(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    # The notebook draws into its own page.
    monkeypatch.delenv("MPLBACKEND", raising=False)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "outputs do not belong into the repository"
    ExecutePreprocessor(timeout=300, kernel_name="python3").preprocess(notebook, {"metadata": {"path": str(tmp_path)}})
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    pages = [output["data"].get("text/html", "") for output in outputs if "data" in output]
    tables = [page for page in pages if "<th>train_loss</th>" in page]
    rows = [table.count("<tr>") - 1 for table in tables]
    assert len(tables) == 3 and rows[0] == 10 and rows[1] == rows[2] < 10
    assert all("<progress" not in table for table in tables), "the bar goes when the fit ends"
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 4
    reports = [page for page in pages if "<th>fit</th>" in page]
    assert len(reports) == 3 and "early stopping: accuracy has not improved for 3 epochs" in reports[2]
    text = "".join(output["text"] for output in outputs if output["output_type"] == "stream")
    assert "No improvement since epoch" in text and "Better model found at epoch 0 with accuracy value: 0." in text
    story = [line.rsplit(" ", 1) for line in text.splitlines() if " epochs, accuracy " in line]
    plain, stopped, kept = (float(line[1]) for line in story)
    assert kept > stopped and 0.8 < plain < 0.9
    assert json.loads(NOTEBOOK.read_text())["metadata"]["kernelspec"]["name"] == "python3"


CELL = """
import numpy as np
from highmark.tabular.all import *
x = np.random.default_rng(0).normal(size=(20000, 4)).astype('float32')
columns = {f'x{i}': x[:, i] for i in range(4)} | {'y': np.where(x[:, 0] > 0, 'a', 'b')}
dls = TabularDataLoaders.from_df(columns, y_names='y', cont_names=list(columns)[:4], cat_names=[], path=FOLDER)
learn = tabular_learner(dls, metrics=accuracy)
learn.fit(100000, cbs=[SaveModelCallback('accuracy'), *HOOKS], resume='auto')
"""
KERNEL = """
import sys, time
from jupyter_client.manager import start_new_kernel
manager, client = start_new_kernel(kernel_name='python3')
def watch(output):
    # Two rows are there.
    if output['msg_type'] == 'update_display_data' and output['content']['data'].get('text/html', '').count('<tr>') == 3:
        watch.pressed = watch.pressed or time.monotonic()
        manager.interrupt_kernel()
watch.pressed = None
reply = client.execute_interactive(sys.argv[1], timeout=60, output_hook=watch)['content']
print(reply['status'], reply.get('ename'), time.monotonic() - watch.pressed < 20)
check = 'print(learn.validate()[1] == max(row[2] for row in learn.recorder.values), len(learn.recorder.values) > 1)'
client.execute_interactive(check, timeout=30, output_hook=lambda output: print(output['content'].get('text', ''), end=''))
manager.shutdown_kernel(now=True)
"""


@pytest.mark.parametrize("hooks", ["", "Callback(after_batch=lambda: sum(range(1000)))"])
def test_the_stop_button(tmp_path, hooks):
    """Interrupting a kernel ends the fit at once, with the best model in the learner and the state in its folder."""
    cell = CELL.replace("FOLDER", repr(str(tmp_path))).replace("HOOKS", f"[{hooks}]")
    done = subprocess.run([sys.executable, "-c", KERNEL, cell], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["error KeyboardInterrupt True", "True True"], done.stdout + done.stderr
    assert (tmp_path / "checkpoint" / "checkpoint.safetensors").exists()


def test_what_is_drawn(learn, monkeypatch):
    """While a fit runs there is one page that changes: the bar, and the table so far."""
    pages = []

    class Handle:
        def update(self, page):
            pages.append(page.data)

    def display(page, display_id):
        pages.append(page.data)
        return Handle()

    monkeypatch.setattr(screen, "in_notebook", lambda: True)
    monkeypatch.setattr(IPython.display, "display", display)
    learn.fit(2)
    bars = [page for page in pages if "<progress" in page]
    assert any("epoch 1/2: 0%" in page for page in bars) and any("validation: 0%" in page for page in bars)
    assert pages[-1].count("<tr>") == 3 and "<progress" not in pages[-1]
    with learn.no_bar():
        pages.clear()
        learn.fit(1)
    assert pages and not any("<progress" in page for page in pages)
    assert "<table" in learn._repr_html_() and "Linear" in learn._repr_html_()


def test_a_terminal_has_a_bar_and_a_log_has_none(learn, monkeypatch, capsys):
    learn.fit(1)
    assert "|" not in capsys.readouterr().out
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    learn.fit(1)
    out = capsys.readouterr().out
    assert "epoch 1/1 |" in out and out.splitlines()[-1].strip(" \r").startswith("0 ")


def test_charts(learn):
    import matplotlib.pyplot as plt

    from highmark.tabular.all import ShowGraphCallback

    plt.close("all")
    with learn.no_logging():
        learn.fit_one_cycle(3, cbs=ShowGraphCallback())
    ax = learn.recorder.plot_loss(show_epochs=True)
    assert [line.get_label() for line in ax.get_lines()[:2]] == ["train", "valid"]
    assert len(ax.get_lines()[0].get_xdata()) == 48 - 5 and ax.get_lines()[1].get_xdata().tolist() == [16, 32, 48]
    figure, (left, right) = plt.subplots(1, 2)
    plt.sca(left)
    assert learn.recorder.plot_loss() is left and (len(left.get_lines()), len(right.get_lines())) == (2, 0)
    assert learn.recorder.plot_loss(ax=right) is right and plt.gcf() is figure
    assert learn.recorder.plot_sched() is None, "a cell that ends with it shows no text"
    assert [ax.get_ylabel() for ax in plt.gcf().axes] == ["lr", "mom"] and plt.gcf() is not figure
    assert learn.recorder.plot_metrics().get_lines()[0].get_ydata().tolist() == [row[2] for row in learn.recorder.values]
    with pytest.raises(KeyError, match="there is no hyper-parameter `wdd`"):
        learn.recorder.plot_sched("wdd")
    learn.lr_find()
    plt.close("all")


def test_graphs_while_it_trains(learn, monkeypatch):
    from highmark.tabular.all import ShowGraphCallback

    shown = []

    class Handle:
        def update(self, figure):
            shown.append(figure)

    def display(figure, display_id):
        shown.append(figure)
        return Handle()

    monkeypatch.setattr(screen, "in_notebook", lambda: True)
    monkeypatch.setattr(IPython.display, "display", display)
    learn.fit(3, cbs=ShowGraphCallback())
    figures = [one for one in shown if hasattr(one, "axes")]
    assert len(figures) == 3 and len(figures[-1].axes[0].get_lines()[1].get_xdata()) == 3
