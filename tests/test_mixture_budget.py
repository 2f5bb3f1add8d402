"""Token budgets for a model: the published anchors of each rule."""

import pytest

from mixtures.budget import budgets


def tokens_of(rule: str, **given: float) -> int:
    return next(budget.tokens for budget in budgets(**given) if budget.rule == rule)


@pytest.mark.parametrize(
    ("rule", "given", "tokens", "tolerance"),
    [
        ("chinchilla-20", {"parameters": 7e9}, 140e9, 0),
        ("chinchilla-20", {"flops": 5.76e23}, 1.4e12, 0.03),  # Gopher's compute, table 3: 67B and 1.5T
        (
            "chinchilla-refit",
            {"parameters": 70e9},
            1.4e12,
            0.1,
        ),  # Besiroglu et al.: about 20 tokens a parameter
        ("kaplan", {"flops": 8.64e19}, 2e10, 1e-9),  # one petaflop/s-day
        ("kaplan", {"parameters": 1.3e9}, 2e10, 1e-9),
        ("llama-1", {"parameters": 7e9}, 1.0e12, 0),
        ("llama-1", {"parameters": 65e9}, 1.4e12, 0),
        ("llama-1", {"flops": 6 * 6.7e9 * 1e12}, 1.0e12, 0),
    ],
)
def test_published_anchors(rule: str, given: dict[str, float], tokens: float, tolerance: float) -> None:
    assert tokens_of(rule, **given) == pytest.approx(tokens, rel=tolerance)


def test_the_fitted_laws_minimise_their_loss() -> None:
    laws = {
        "chinchilla-fit": (406.4, 410.7, 0.34, 0.28),
        "chinchilla-refit": (482.01, 2085.43, 0.3478, 0.3658),
    }
    for budget in budgets(flops=1e23):
        if budget.rule in laws:
            a, b, alpha, beta = laws[budget.rule]

            def loss(
                size: float, a: float = a, b: float = b, alpha: float = alpha, beta: float = beta
            ) -> float:
                return float(a / size**alpha + b / (1e23 / 6 / size) ** beta)

            best = loss(budget.parameters)
            assert best < loss(budget.parameters * 1.01)
            assert best < loss(budget.parameters / 1.01)


def test_size_and_compute_agree() -> None:
    for by_flops in budgets(flops=3e22):
        if by_flops.rule != "llama-1":
            assert tokens_of(by_flops.rule, parameters=by_flops.parameters) == pytest.approx(
                by_flops.tokens, rel=1e-9
            )
        if by_flops.rule.startswith("chinchilla"):
            assert by_flops.flops == pytest.approx(3e22, rel=1e-9)


@pytest.mark.parametrize("given", [{}, {"parameters": 1e9, "flops": 1e20}, {"parameters": -1.0}])
def test_one_of_the_two_is_needed(given: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="either parameters or flops"):
        budgets(**given)
