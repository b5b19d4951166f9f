"""A transformed target: what leads back to it is the engine's last step, or a part of the line."""

import functools

import numpy as np
import pytest
from scipy import special
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import RandomForestRegressor, VotingRegressor
from sklearn.linear_model import PoissonRegressor, Ridge
from sklearn.preprocessing import MinMaxScaler, PowerTransformer, RobustScaler, StandardScaler

from tests.training.customers import COLUMNS, customers, spending
from tests.training.pipelines import hold, scaled
from towpath.core.errors import VerificationRefused
from towpath.training.compile.model import compile_model

PAIRS = [
    (np.log, np.exp, "exp"),
    (np.log1p, np.expm1, "expm1"),
    (np.log2, np.exp2, "exp2"),
    (np.log10, special.exp10, "power10"),
    (np.log10, functools.partial(np.power, 10), "power10"),
    (np.sqrt, np.square, "square"),
    (np.square, np.sqrt, "sqrt"),
    (None, None, "identity"),
]


def prices() -> np.ndarray:
    return spending(customers()) - spending(customers()).min() + 5.0


@pytest.mark.parametrize(("there", "back", "link"), PAIRS)
def test_the_way_back_is_the_link(there: object, back: object, link: str) -> None:
    model = scaled(RandomForestRegressor(6, max_depth=5, random_state=0))

    assert hold(TransformedTargetRegressor(model, func=there, inverse_func=back), prices()).link == link


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler((1, 3)), RobustScaler()])
def test_a_scaled_target_stays_a_line(scaler: object) -> None:
    assert hold(TransformedTargetRegressor(scaled(Ridge()), transformer=scaler), prices()).link == "identity"


def test_a_link_inside_a_link_becomes_a_part_of_the_graph() -> None:
    model = TransformedTargetRegressor(scaled(PoissonRegressor()), func=np.log1p, inverse_func=np.expm1)

    assert hold(model, prices()).link == "expm1"


def test_a_member_of_a_voting_may_have_a_transformed_target() -> None:
    members = [
        ("a", TransformedTargetRegressor(scaled(Ridge()), func=np.log, inverse_func=np.exp)),
        ("b", TransformedTargetRegressor(scaled(RandomForestRegressor(5)), func=np.log1p, inverse_func=np.expm1)),
    ]

    assert hold(VotingRegressor(members), prices()).link == "identity"


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (
            TransformedTargetRegressor(Ridge(), func=np.cbrt, inverse_func=lambda x: x**3, check_inverse=False),
            "inverse_func=<lambda>: a bundle runs no Python",
        ),
        (TransformedTargetRegressor(Ridge(), transformer=PowerTransformer()), "transformer=PowerTransformer"),
        (TransformedTargetRegressor(Ridge(), transformer=MinMaxScaler(clip=True)), "clip=True"),
    ],
)
def test_a_way_back_that_the_engine_does_not_know_is_refused(model: object, says: str) -> None:
    pipeline = scaled(model).fit(customers(), prices())

    with pytest.raises(VerificationRefused, match=says):
        compile_model(pipeline, COLUMNS)
