"""Arrays under torch's names mean what torch means; numpy's functions of them, what numpy means."""

import numpy as np
import pytest

from highmark.tabular.all import Tensor, tensor


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
