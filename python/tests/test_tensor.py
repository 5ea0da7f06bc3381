"""Arrays under torch's names mean what torch means; numpy's functions of them, what numpy means."""

import math
import sys
from collections import deque, namedtuple
from types import SimpleNamespace

import numpy as np
import pytest

from highmark.tabular.all import Tensor, json, pd, tensor
from highmark.tabular.number import Number
from highmark.tabular.state import dumps, loads


@pytest.fixture
def p():
    return tensor([[1.0, 2.0], [3.0, 5.0], [2.0, 9.0]])


def test_torchs_meaning(p):
    values, indices = p.max(1)
    assert values.tolist() == [2, 5, 9] and indices.tolist() == [1, 1, 1] and p.min(0)[1].tolist() == [0, 0]
    assert p.max(1, True)[0].shape == (3, 1)
    assert float(p[:, 0].std()) == 1 and p[:, 0].var(unbiased=False) == pytest.approx(2 / 3)
    assert p.std(0).tolist() == p.std(dim=0).tolist() == pytest.approx([1, 3.5118846])
    assert p.transpose(0, 1).shape == p.t().shape == p.permute(1, 0).shape == (2, 3)
    assert p.repeat(2, 1).tolist() == [*p.tolist(), *p.tolist()]
    assert (p > 2).nonzero().tolist() == [[1, 0], [1, 1], [2, 1]]
    assert p.sort(0, descending=True).values.tolist() == [[3, 9], [2, 5], [1, 2]]
    assert tensor([1, 2, 1]).argsort(descending=True).tolist() == [1, 0, 2] and p.topk(1).indices.tolist() == [[1]] * 3
    assert p.gather(1, tensor([[0], [1], [0]])).tolist() == [[1], [5], [2]]
    assert p.unique().tolist() == [1, 2, 3, 5, 9] and p.median() == 2 and p.median(dim=0).values.tolist() == [2, 5]
    assert np.allclose(p.log_softmax(-1), np.log(p.softmax(-1))) and p.pow(2)[0, 1] == 4 and not p.isnan().any()
    assert p.dim() == 2 and p.double().dtype == p.to(np.float64).dtype == np.float64 and p.to("cpu") is p
    assert float(tensor([[1.5]])) == 1.5 and int(tensor([2.5])) == 2
    for result in (tensor([1, 2]) * 1.5, tensor([1, 2]) / tensor([2, 4]), p * 2, tensor([1, 2]).exp()):
        assert type(result) is Tensor and result.dtype == np.float32
    assert (p.double() * 2).dtype == np.float64
    with pytest.raises(ValueError):
        float(p)


def test_numpys_meaning(p):
    plain = p.numpy()
    for function in (np.max, np.min, np.std, np.var, np.mean, np.sort, np.argsort, np.transpose, np.median, np.nonzero):
        assert np.array_equal(function(p), function(plain)), function
    for function in (np.max, np.std, np.sort, np.argsort):
        assert np.array_equal(function(p, axis=0), function(plain, axis=0))
    assert np.array_equal(np.repeat(p, 2, axis=1), np.repeat(plain, 2, axis=1))
    assert np.array_equal(p.max(axis=1), plain.max(axis=1)) and p.std(ddof=0) == plain.std()
    for function in (np.unique, np.cov, np.nanmedian, np.linalg.norm):
        assert np.array_equal(function(p), function(plain)) and type(function(p)) is Tensor, function
    assert np.setxor1d(p, p[0]).tolist() == [3, 5, 9] and type(np.histogram(p)[1]) is Tensor


def test_numpys_functions_of_any_sequence(p):
    kind = namedtuple("kind", "a b")
    subclass = type("subclass", (list,), {})
    for pair in (kind(p, p), subclass([p, p]), deque([p, p])):
        for function in (np.stack, np.concatenate):
            assert np.array_equal(function(pair), function([np.asarray(part) for part in pair])), (function, pair)
            assert type(function(pair)) is Tensor
    assert np.stack(p.max(1)).tolist() == [[2, 5, 9], [1, 1, 1]]
    found = np.linalg.svd(p)
    assert type(found) is type(np.linalg.svd(p.numpy())) and type(found.S) is Tensor


# What torch 2.15 gave for p = [[1, -2], [3, 5], [2, 9]], q = [[0.5, 1], [2, 3], [4, 9]] and i = [3, 1, 2].
TORCHS = {
    "p.add(1)": [[2, -1], [4, 6], [3, 10]],
    "p.sub(q)": [[0.5, -3], [1, 2], [-2, 0]],
    "p.mul(q)": [[0.5, -2], [6, 15], [8, 81]],
    "i.div(2)": [1.5, 0.5, 1],
    "p.ge(1)": [[True, False], [True, True], [True, True]],
    "p.gt(q)": [[True, False], [True, True], [False, False]],
    "p.le(2)": [[True, True], [False, False], [True, False]],
    "p.lt(q)": [[False, True], [False, False], [True, False]],
    "p.norm()": 11.1355,
    "p.norm(dim=1)": [2.2361, 5.831, 9.2195],
    "p.norm(1)": 22,
    "p.relu()": [[1, 0], [3, 5], [2, 9]],
    "i.sqrt()": [1.7321, 1, 1.4142],
    "p.flip(0)": [[2, 9], [3, 5], [1, -2]],
    "p.flip(0, 1)": [[9, 2], [5, 3], [-2, 1]],
    "p.flip(dims=[0, 1]) - p.flip(axis=(0, 1))": 0,
    "p.flip([1])": [[-2, 1], [5, 3], [9, 2]],
    "p.norm('fro')": 11.1355,
    "p.norm(dim=(0, 1))": 11.1355,
    "p.norm(float('inf'))": 9,
    "i.to(p).dtype == p.dtype": True,
    "p.type() == 'torch.FloatTensor' and i.type() == 'torch.LongTensor'": True,
    "q[:1].expand(3, -1)": [[0.5, 1]] * 3,
    "i.expand(2, 3)": [[3, 1, 2]] * 2,
    "p.split(2)[1]": [[2, 9]],
    "p.split([1, 2])[1]": [[3, 5], [2, 9]],
    "i.chunk(2)[0]": [3, 1],
    "[part.tolist() for part in p.unbind(1)]": [[1, 3, 2], [-2, 5, 9]],
    "p.where(p > 0, tensor(0.0))": [[1, 0], [3, 5], [2, 9]],
    "p.index_select(0, tensor([2, 0]))": [[2, 9], [1, -2]],
    "p.masked_fill(p < 0, -1.5)": [[1, -1.5], [3, 5], [2, 9]],
    "p.quantile(0.25, dim=0)": [1.5, 1.5],
    "p.quantile(tensor([0.1, 0.9]))": [-0.5, 7],
    "i.quantile(0.25)": 1.5,
    "p.equal(q)": False,
    "p.allclose(p + 1e-7)": True,
    "i.new_zeros(2)": [0, 0],
    "i.type_as(p).dtype == p.dtype": True,
    "p.requires_grad or p.is_cuda": False,
    "p.cuda().mean().cpu().numpy()": 3,
    "((p - q) ** 2).mean().sqrt()": 1.7440,
    "(1 - ((p - q) ** 2).sum() / len(p)).abs()": 5.0833,
    "(p > 2).sum().float() / len(p)": 1,
    "p[0][0].exp()": 2.7183,
    "p.max().sub(1).item()": 8,
    "p.median().neg()": -2,
    "[one.sqrt().item() for one in i]": [1.7321, 1, 1.4142],
}


@pytest.mark.parametrize("code", TORCHS)
def test_torchs_names(code):
    p, q = tensor([[1.0, -2.0], [3.0, 5.0], [2.0, 9.0]]), tensor([[0.5, 1.0], [2.0, 3.0], [4.0, 9.0]])
    given = eval(code, {"p": p, "q": q, "i": tensor([3, 1, 2]), "tensor": tensor})
    assert np.allclose(given, TORCHS[code], atol=1e-4)


def test_one_number_is_a_tensor_and_a_number(p):
    x, i = p.mean() / 10, p.argmax()
    assert isinstance(x, Tensor) and x.ndim == 0 and (x.dtype, i.dtype) == (np.float32, np.int64)
    assert f"{x:.3f} {x:.1e} {i}" == "0.367 3.7e-01 5" and "%.2f %d" % (x, i) == "0.37 5"
    assert x == pytest.approx(0.3666667) and [x] == pytest.approx([0.3666667]) and {5: "five"}[i] == "five" and {i, i} == {5}
    assert "abcdefg"[i] == "f" and list(range(i)) == [0, 1, 2, 3, 4] and np.arange(9)[i] == 5
    assert (int(i), bool(x), round(x, 2), round(x), math.floor(x)) == (5, True, 0.37, 0, 0) and max(p[0]) == 2
    frame = pd.DataFrame({"a": [1, 2]})
    assert (frame.a * x).dtype == float and frame.assign(b=x).b.dtype == np.float32 and (frame.a > x).all()
    total = count = (p > 2).sum()
    count += 0.5
    assert (total, count) == (3, 3.5) and p[0, 0] + 1 == 2
    back = loads(dumps({"x": x, "p": p, "plain": p.numpy()}))
    assert back["x"].sqrt() == x.sqrt() and back["p"].max(1).values.tolist() == [2, 5, 9]
    assert type(back["plain"]) is np.ndarray
    with pytest.raises(TypeError, match="unhashable"):
        hash(p)


def test_numbers_of_the_library_are_pythons():
    x = Number(0.1)
    assert json.dumps([x]) == "[0.1]" and isinstance(x, float) and f"{x:.2f}" == "0.10"
    assert x.detach().cpu().item() == x.item() == 0.1 and x.data.sqrt() == math.sqrt(0.1) and x.numpy().shape == ()
    with pytest.raises(AttributeError, match="nonsense"):
        x.nonsense  # noqa: B018


def test_what_is_calculated_with_a_number_is_one(p):
    x = Number(0.8)
    calculated = [0.9 * x + 0.1 * x, x / 2, 2 - x, x + np.float64(1), x * x, x**2, 2**x, -x, abs(x), round(x, 1)]
    for y in (*calculated, x.mean(), x.cpu()):
        assert type(y) is Number and type(y.detach()) is Number and json.dumps([y]) == f"[{float(y)}]", y
    assert x.view(-1).tolist() == x.reshape(1).cpu().tolist() == [0.8] and x.squeeze().cpu() == x.sum() == x.max() == 0.8
    assert (repr(x), str(x), f"{[x]}", x.size(), x.size, round(x)) == ("0.8", "0.8", "[0.8]", (), 1, 1)
    assert 2 / x == 2.5 and 7 // Number(2) == 3 and Number(7) % 4 == 3 and (x * p).shape == (p * x).shape == (3, 2)
    assert (x * pd.Series([1, 2])).tolist() == (pd.Series([1, 2]) * x).tolist() == [0.8, 1.6]
    assert np.mean(x) == np.max(x) == np.round(x, 2) == np.squeeze(x) == 0.8
    assert np.std(x) == 0 and np.repeat(x, 2).shape == (2,)


def test_torchs_functions_get_torchs_tensors(p, monkeypatch):
    """Where torch is, it calls ``__torch_function__``; without it an array of numpy stands for its tensor."""
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(from_numpy=lambda array: array))

    def stack(tensors, dim=0):
        assert all(type(x) is np.ndarray for x in tensors) and np.shares_memory(tensors[0], p)
        return np.stack(tensors, dim)

    assert Tensor.__torch_function__(stack, (Tensor,), ([p, p],), {"dim": 1}).shape == (3, 2, 2)


def test_sizes_and_changes_in_place():
    t = tensor([[1.0, 2.0], [3.0, 4.0]])
    assert (t.size(), t.size(0), t.size(-1), t.size + 1, t.numel(), t.T[:1].size()) == ((2, 2), 2, 2, 5, 4, (1, 2))
    assert np.mean(t) == 2.5 and t.reshape(-1).size(0) == t.size == 4
    assert t.add_(1).mul_(2).clamp_(max=8).tolist() == [[4, 6], [8, 8]] and t.sub_(4).div_(2)[0, 1] == 1
    assert t.fill_(3).sum() == 12 and not t.zero_().any()
