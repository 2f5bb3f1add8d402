"""How many tokens a model wants: budgets for a size or a compute, by the published rules, each with its
formula.
"""

from __future__ import annotations

from collections.abc import Callable
from math import log, sqrt
from typing import NamedTuple

FLOPS_PER_PARAMETER_AND_TOKEN = 6  # C = 6 N D, Kaplan et al. 2020, section 2.1
PF_DAY = 1e15 * 24 * 3600  # floating-point operations in a petaflop/s-day

# LLaMA-1's Table 2 (arXiv 2302.13971): parameters and tokens of its four models.
LLAMA_MODELS = ((6.7e9, 1.0e12), (13.0e9, 1.0e12), (32.5e9, 1.4e12), (65.2e9, 1.4e12))


class Budget(NamedTuple):
    """One rule's answer: parameters, training tokens, operations (6 N D), and where the rule comes from."""

    rule: str
    parameters: float
    tokens: int
    flops: float
    formula: str
    source: str


class _Rule(NamedTuple):
    name: str
    formula: str
    source: str
    tokens_of: Callable[[float], float]  # parameters -> tokens
    parameters_of: Callable[[float], float]  # operations -> parameters


def _fitted(name: str, source: str, *, a: float, b: float, alpha: float, beta: float) -> _Rule:
    """Chinchilla's third approach: the minimum of A / N^alpha + B / D^beta at C = 6 N D (its equation 4)."""
    scale = (alpha * a / (beta * b)) ** (1 / (alpha + beta))
    exponent = beta / (alpha + beta)

    def parameters_of(flops: float) -> float:
        return float(scale * (flops / FLOPS_PER_PARAMETER_AND_TOKEN) ** exponent)

    def tokens_of(parameters: float) -> float:
        return float((parameters / scale) ** (1 / exponent)) / parameters

    formula = f"min {a:g}/N^{alpha:g} + {b:g}/D^{beta:g} where C = 6ND"
    return _Rule(name, formula, source, tokens_of, parameters_of)


def _llama_by_size(parameters: float) -> float:
    return min(LLAMA_MODELS, key=lambda model: abs(log(model[0] / parameters)))[1]


def _llama_by_compute(flops: float) -> float:
    return min(LLAMA_MODELS, key=lambda model: abs(log(6 * model[0] * model[1] / flops)))[0]


_RULES = (
    _Rule(
        "chinchilla-20",
        "D = 20 N",
        "Hoffmann et al. 2022 (arXiv 2203.15556), table 3: about 20 tokens for each parameter",
        lambda parameters: 20 * parameters,
        lambda flops: sqrt(flops / (20 * FLOPS_PER_PARAMETER_AND_TOKEN)),
    ),
    _fitted(
        "chinchilla-fit",
        "Hoffmann et al. 2022 (arXiv 2203.15556), section 3.3, equation 10",
        a=406.4,
        b=410.7,
        alpha=0.34,
        beta=0.28,
    ),
    _fitted(
        "chinchilla-refit",
        "Besiroglu et al. 2024 (arXiv 2404.10102), fitted again to the same data",
        a=482.01,
        b=2085.43,
        alpha=0.3478,
        beta=0.3658,
    ),
    _Rule(
        "kaplan",
        "N = 1.3e9 C^0.73, D = 2e10 C^0.27, C in petaflop/s-days, N without embeddings",
        "Kaplan et al. 2020 (arXiv 2001.08361), table 6",
        lambda parameters: 2e10 * float((parameters / 1.3e9) ** (0.27 / 0.73)),
        lambda flops: 1.3e9 * float((flops / PF_DAY) ** 0.73),
    ),
    _Rule(
        "llama-1",
        "1.0e12 for 6.7B and 13.0B, 1.4e12 for 32.5B and 65.2B; the nearest of the four",
        "Touvron et al. 2023 (arXiv 2302.13971), table 2: past the compute optimum, for cheap inference",
        _llama_by_size,
        _llama_by_compute,
    ),
)


def budgets(*, parameters: float | None = None, flops: float | None = None) -> list[Budget]:
    """Every rule's budget for a model of `parameters`, or for a training compute of `flops` operations (one
    of them).

    The laws are fits, so tokens are rounded to whole ones. Raises ValueError unless exactly one is given,
    above zero.
    """
    given = parameters if flops is None else flops
    if given is None or (parameters is not None and flops is not None) or given <= 0:
        raise ValueError("give either parameters or flops, above zero")
    rows = []
    for rule in _RULES:
        size = rule.parameters_of(given) if parameters is None else parameters
        tokens = round(rule.tokens_of(size))
        operations = FLOPS_PER_PARAMETER_AND_TOKEN * size * tokens
        rows.append(Budget(rule.name, size, tokens, operations, rule.formula, rule.source))
    return rows
