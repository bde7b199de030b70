"""Optimisers against closed forms and known optima; filters stay where they are held."""

import numpy as np
import pytest

from v1sim.convnet import LBFGS, SGD, Adam, Orthonormal, UnitNorm, Whitening

QUADRATIC = np.diag([1.0, 4.0, 9.0])


def descend(optimiser, start, gradient, n_steps):
    parameters, state = optimiser.start({"a.w": start})
    path = [parameters["a.w"]]
    for _ in range(n_steps):
        parameters, state = optimiser.update(parameters, {"a.w": gradient(parameters["a.w"])}, state)
        path.append(parameters["a.w"])
    return np.array(path)


def test_gradient_descent_on_a_quadratic_shrinks_each_axis_by_its_own_factor():
    path = descend(SGD(rate=0.05, momentum=0), np.ones(3), lambda w: QUADRATIC @ w, 30)
    assert path[-1] == pytest.approx((1 - 0.05 * np.diag(QUADRATIC)) ** 30)


def test_momentum_follows_the_powers_of_its_matrix():
    """(w, v) -> M (w, v) with M = [[1 - eta h, mu], [-eta h, mu]] on an axis of curvature h."""
    eta, mu, h = 0.05, 0.8, 4.0
    path = descend(SGD(rate=eta, momentum=mu), np.ones(1), lambda w: h * w, 25)
    matrix = np.array([[1 - eta * h, mu], [-eta * h, mu]])
    assert path[-1, 0] == pytest.approx((np.linalg.matrix_power(matrix, 25) @ [1.0, 0.0])[0])


def test_the_rate_fades_in_a_straight_line_to_nothing():
    path = descend(SGD(rate=1.0, momentum=0, fade=(2, 6)), np.zeros(1), lambda w: np.ones(1), 8)
    assert -np.diff(path[:, 0]) == pytest.approx([1, 1, 1, 0.75, 0.5, 0.25, 0, 0])


def test_the_first_step_of_adam_is_its_rate_whatever_the_gradient():
    g = np.array([1e-3, -5.0, 2e4])
    path = descend(Adam(rate=0.1), np.zeros(3), lambda w: g, 1)
    assert path[1] == pytest.approx(-0.1 * np.sign(g), rel=1e-4)


def test_adam_after_a_gradient_of_1_and_one_of_0_is_where_kingma_and_ba_say():
    """m = .9 .1, v = .999 .001; over 1 - .9^2 and 1 - .999^2."""
    gradients = iter([np.ones(1), np.zeros(1)])
    path = descend(Adam(), np.zeros(1), lambda w: next(gradients), 2)
    second = (0.09 / 0.19) / np.sqrt(0.000999 / 0.001999)
    assert path[:, 0] == pytest.approx([0, -1e-3, -1e-3 - 1e-3 * second], rel=1e-6)


def test_epsilon_is_added_to_the_root():
    path = descend(Adam(rate=1.0, epsilon=1e-3), np.zeros(1), lambda w: np.full(1, 1e-3), 1)
    assert path[1, 0] == pytest.approx(-0.5)


def test_momentum_is_nine_tenths_unless_told():
    path = descend(SGD(rate=1.0), np.zeros(1), lambda w: np.ones(1), 2)
    assert path[:, 0] == pytest.approx([0, -1, -2.9])


def test_adam_under_a_constant_gradient_goes_its_rate_at_every_step():
    path = descend(Adam(rate=0.1), np.zeros(1), lambda w: np.full(1, 3.0), 50)
    assert np.diff(path[:, 0]) == pytest.approx(np.full(50, -0.1))


@pytest.mark.parametrize("optimiser", [SGD(rate=0.05, momentum=0.9), Adam(rate=0.02)])
def test_the_optimum_of_a_quadratic_is_found(optimiser):
    optimum = np.array([0.5, -1.0, 0.25])
    path = descend(optimiser, np.ones(3), lambda w: QUADRATIC @ (w - optimum), 1500)
    assert path[-1] == pytest.approx(optimum, abs=1e-3)


@pytest.mark.parametrize("optimiser", [SGD(rate=0.1), Adam()])
def test_an_update_is_a_pure_function_that_keeps_dtypes(optimiser):
    start = np.ones(3, np.float32)
    parameters, state = optimiser.start({"a.w": start})
    before = {key: value.copy() for key, value in state.items()}
    gradients = {"a.w": np.full(3, 0.1)}  # float64, as of targets in double precision
    first = optimiser.update(parameters, gradients, state)
    again = optimiser.update(parameters, gradients, state)
    assert np.array_equal(first[0]["a.w"], again[0]["a.w"])
    assert all(np.array_equal(state[key], before[key]) for key in before)
    assert first[0]["a.w"].dtype == np.float32
    assert {value.dtype for key, value in first[1].items() if key != "step"} == {np.dtype(np.float32)}
    assert start.tolist() == [1, 1, 1]


def test_l_bfgs_finds_the_bottom_of_the_valley_of_rosenbrock():
    def valley(parameters):
        (x,), y = parameters["a.x"], parameters["b.y"]
        gradient = {"a.x": np.array([-400 * x * (y - x**2) - 2 * (1 - x)]), "b.y": 200 * (y - x**2)}
        return float(100 * (y - x**2) ** 2 + (1 - x) ** 2), gradient

    found = LBFGS(iterations=200).minimise(valley, {"a.x": np.array([-1.2]), "b.y": np.array(1.0)})
    assert found["a.x"] == pytest.approx([1], abs=1e-4)
    assert found["b.y"] == pytest.approx(1, abs=1e-4)
    assert found["b.y"].shape == ()


def quadratic(curvature):
    return lambda parameters: (
        float(np.sum(curvature * parameters["a.w"] ** 2) / 2),
        {"a.w": curvature * parameters["a.w"]},
    )


def test_one_iteration_of_l_bfgs_goes_down_the_gradient_and_two_turn():
    start, curvature = np.ones(4), np.array([1.0, 2, 5, 9])
    moves = [
        LBFGS(iterations=n).minimise(quadratic(curvature), {"a.w": start})["a.w"] - start for n in (1, 2)
    ]
    along = [-(move @ curvature) / np.linalg.norm(move) / np.linalg.norm(curvature) for move in moves]
    assert along[0] == pytest.approx(1)
    assert along[1] < 0.99


def test_a_longer_history_of_l_bfgs_is_of_use():
    curvature, start = np.geomspace(1, 1e3, 30), {"a.w": np.ones(30)}
    loss = [
        quadratic(curvature)(LBFGS(iterations=40, history=n).minimise(quadratic(curvature), start))[0]
        for n in (1, 30)
    ]
    assert loss[1] < loss[0] / 10


# -- constraints ----------------------------------------------------------------------------------------


@pytest.fixture
def whitening(rng):
    mixing = rng.standard_normal((20, 20))
    patches = (rng.standard_normal((4000, 20)) @ mixing).reshape(-1, 1, 4, 5)
    return Whitening.fit(patches, 12)


def test_responses_stay_uncorrelated_with_unit_variance(rng, whitening):
    optimiser = Orthonormal(optimiser=SGD(rate=0.3), parameter="a.kernel", whitening=whitening)
    parameters, state = optimiser.start({"a.kernel": rng.standard_normal((8, 1, 4, 5)), "b.w": np.ones(2)})
    covariance = whitening.inverse @ whitening.inverse.T
    for _ in range(20):
        gradients = {"a.kernel": rng.standard_normal((8, 1, 4, 5)), "b.w": np.ones(2)}
        parameters, state = optimiser.update(parameters, gradients, state)
        k = parameters["a.kernel"].reshape(8, -1)
        assert k @ covariance @ k.T == pytest.approx(np.eye(8), abs=1e-9)
    assert parameters["b.w"][0] < -3  # what is not held goes its way


@pytest.mark.parametrize("held", ["orthonormal", "unit norm"])
def test_what_is_held_keeps_its_dtype(rng, whitening, held):
    inner = SGD(rate=0.3)
    optimiser = UnitNorm(optimiser=inner, parameter="a.kernel")
    if held == "orthonormal":
        optimiser = Orthonormal(optimiser=inner, parameter="a.kernel", whitening=whitening)
    kernel = rng.standard_normal((8, 1, 4, 5)).astype(np.float32)
    parameters, state = optimiser.start({"a.kernel": kernel})
    assert parameters["a.kernel"].dtype == np.float32
    parameters, _ = optimiser.update(parameters, {"a.kernel": kernel}, state)
    assert parameters["a.kernel"].dtype == np.float32


def test_descent_on_the_constraint_finds_the_axes_of_least_variance(rng, whitening):
    """The smallest sum of w^T A w over orthonormal w is that of A's smallest eigenvalues (Ky Fan)."""
    a = np.diag(np.arange(1.0, 13.0))
    optimiser = Orthonormal(optimiser=SGD(rate=0.02), parameter="a.kernel", whitening=whitening)
    parameters, state = optimiser.start({"a.kernel": rng.standard_normal((3, 1, 4, 5))})
    for _ in range(600):
        w = parameters["a.kernel"].reshape(3, -1) @ whitening.inverse
        gradient = (2 * w @ a @ whitening.inverse.T).reshape(3, 1, 4, 5)  # of tr(w A w^T), by the chain rule
        parameters, state = optimiser.update(parameters, {"a.kernel": gradient}, state)
    w = parameters["a.kernel"].reshape(3, -1) @ whitening.inverse
    assert np.trace(w @ a @ w.T) == pytest.approx(1 + 2 + 3, abs=1e-6)


def test_every_tile_is_a_unit(rng, whitening):
    optimiser = Orthonormal(optimiser=SGD(rate=0.3), parameter="a.kernel", whitening=whitening)
    parameters, _ = optimiser.start({"a.kernel": rng.standard_normal((2, 1, 4, 5, 2, 3))})
    kernel = parameters["a.kernel"]
    assert kernel.shape == (2, 1, 4, 5, 2, 3)
    k = np.array([kernel[i, 0, :, :, a, b].ravel() for i in range(2) for a in range(2) for b in range(3)])
    covariance = whitening.inverse @ whitening.inverse.T
    assert k @ covariance @ k.T == pytest.approx(np.eye(12), abs=1e-9)
    again, _ = optimiser.start(parameters)  # what is orthonormal stays where it is
    assert again["a.kernel"] == pytest.approx(kernel, abs=1e-9)


@pytest.mark.parametrize("axis", [0, 1])
def test_units_are_held_at_unit_norm(rng, axis):
    optimiser = UnitNorm(optimiser=SGD(rate=0.3), parameter="a.kernel", axis=axis)
    begun, state = optimiser.start({"a.kernel": rng.standard_normal((3, 4, 2, 2))})
    moved, _ = optimiser.update(begun, {"a.kernel": rng.standard_normal((3, 4, 2, 2))}, state)
    for parameters in (begun, moved):
        norms = np.sqrt(np.sum(np.moveaxis(parameters["a.kernel"], axis, 0) ** 2, axis=(1, 2, 3)))
        assert norms == pytest.approx(np.ones((3, 4)[axis]))


def test_more_units_than_components_are_refused(rng, whitening):
    optimiser = Orthonormal(optimiser=SGD(rate=0.3), parameter="a.kernel", whitening=whitening)
    with pytest.raises(ValueError, match=r"13 units of shape \(1, 4, 5\); the whitening takes at most 12"):
        optimiser.start({"a.kernel": rng.standard_normal((13, 1, 4, 5))})
    with pytest.raises(ValueError, match=r"2 units of shape \(1, 5, 4\); .* of \(1, 4, 5\)"):
        optimiser.start({"a.kernel": rng.standard_normal((2, 1, 5, 4))})
    with pytest.raises(ValueError, match="parameter must be one of b"):
        optimiser.start({"b.kernel": np.ones((1, 1, 4, 5))})


def test_units_that_cannot_be_held_are_refused(whitening):
    twins = {"a.kernel": np.repeat(np.eye(20)[:1], 2, axis=0).reshape(2, 1, 4, 5)}
    optimiser = Orthonormal(optimiser=SGD(rate=0.3), parameter="a.kernel", whitening=whitening)
    with pytest.raises(ValueError, match=r"a\.kernel must have units of which none is made of the others"):
        optimiser.start(twins)
    dead = {"a.kernel": np.array([1.0, 0, 2]).reshape(3, 1, 1, 1)}
    with pytest.raises(ValueError, match=r"a\.kernel must have no unit of 0 alone, got \[1\]"):
        UnitNorm(optimiser=SGD(rate=0.3), parameter="a.kernel").start(dead)
    with pytest.raises(ValueError, match=r"axis must be one of the 4 of a\.kernel, got 4"):
        UnitNorm(optimiser=SGD(rate=0.3), parameter="a.kernel", axis=4).start(dead)


def test_constraints_name_what_is_no_optimiser_or_whitening(whitening):
    for inner in (LBFGS(), SGD, "sgd"):
        with pytest.raises(TypeError, match="optimiser must take single steps"):
            UnitNorm(optimiser=inner, parameter="a.kernel")
        with pytest.raises(TypeError, match="optimiser must take single steps"):
            Orthonormal(optimiser=inner, parameter="a.kernel", whitening=whitening)
    with pytest.raises(TypeError, match="whitening must be a Whitening, got ndarray"):
        Orthonormal(optimiser=SGD(rate=1), parameter="a.kernel", whitening=np.eye(3))
    with pytest.raises(ValueError, match="axis must be at least 0"):
        UnitNorm(optimiser=SGD(rate=1), parameter="a.kernel", axis=-1)


def test_gradients_and_states_of_other_parameters_are_refused(whitening):
    kernel = {"a.kernel": np.eye(20)[:2].reshape(2, 1, 4, 5)}
    sgd, adam = SGD(rate=0.3), Adam()
    held = Orthonormal(optimiser=sgd, parameter="a.kernel", whitening=whitening)
    for optimiser in (sgd, adam, held, UnitNorm(optimiser=adam, parameter="a.kernel")):
        parameters, state = optimiser.start(kernel)
        with pytest.raises(ValueError, match=r"gradients must have a\.kernel .*, got none"):
            optimiser.update(parameters, {"b.kernel": np.ones(2)}, state)
        with pytest.raises(ValueError, match=r"a\.kernel of shape \(2, 1, 4, 5\), got one of shape \(5,\)"):
            optimiser.update(parameters, {"a.kernel": np.ones(5)}, state)
        with pytest.raises(ValueError, match=r"state must come from `start`, got one that holds nothing"):
            optimiser.update(parameters, kernel, {})
        with pytest.raises(ValueError, match=r"state must be that of these parameters"):
            optimiser.update(parameters, kernel, {"step": np.array(0)})
        with pytest.raises(ValueError, match=r"state must be that of these parameters"):
            optimiser.update(parameters, kernel, {key: np.zeros(5) for key in state} | {"step": np.array(0)})


# -- whitening ------------------------------------------------------------------------------------------


def test_whitened_patches_have_no_second_order_structure(rng):
    patches = (rng.standard_normal((500, 12)) @ rng.standard_normal((12, 12))).reshape(-1, 1, 3, 4) + 5
    found = Whitening.fit(patches, 8)
    flat = (patches - patches.mean(axis=(1, 2, 3), keepdims=True)).reshape(len(patches), -1)
    z = flat @ found.matrix.T
    assert z.T @ z / len(z) == pytest.approx(np.eye(8), abs=1e-10)
    whitened = found.apply(patches).reshape(len(patches), -1)
    assert whitened.T @ whitened / len(z) == pytest.approx(found.axes.T @ found.axes, abs=1e-10)
    assert found.apply(patches.astype(np.float32)).dtype == np.float32


def test_every_patch_counts_once_however_many_there_are():
    """Two of 20,000 patches are not 0: components are those two, with |x|^2 / n as their variances."""
    patches = np.zeros((20_000, 1, 1, 4))
    patches[8191, 0, 0], patches[8192, 0, 0] = [3, -3, 0, 0], [0, 0, 2, -2]
    found = Whitening.fit(patches, 2)
    assert found.variances == pytest.approx([18 / 20_000, 8 / 20_000])
    assert np.abs(found.axes) == pytest.approx(np.sqrt(np.array([[1, 1, 0, 0], [0, 0, 1, 1]]) / 2))
    assert found.axes.sum(axis=1) == pytest.approx([0, 0])


def test_filters_of_patches_answer_as_their_patterns_do_to_whitened_patches(rng):
    patches = (rng.standard_normal((500, 12)) @ rng.standard_normal((12, 12))).reshape(-1, 1, 3, 4)
    found = Whitening.fit(patches, 8)
    filters = found.random_filters(5, rng)
    patterns = found.patterns(filters)
    direct = np.einsum("nlyx,ulyx->nu", patches, filters)
    through = np.einsum("nlyx,ulyx->nu", found.apply(patches), patterns)
    assert through == pytest.approx(direct, abs=1e-9)
    assert found.filters(patterns) == pytest.approx(filters, abs=1e-9)


def test_components_without_variance_are_refused(rng):
    patches = rng.standard_normal((100, 1, 2, 3))
    with pytest.raises(ValueError, match="at most 5"):  # the mean of each patch is taken away
        Whitening.fit(patches, 6)
    with pytest.raises(ValueError, match=r"patches must hold one or more .* \(0, 1, 2, 3\)"):
        Whitening.fit(patches[:0], 1)


def test_what_is_no_patch_of_the_whitening_is_refused(rng, whitening):
    turned = np.ones((3, 1, 5, 4))
    for method, name in (("apply", "patches"), ("patterns", "filters"), ("filters", "patterns")):
        with pytest.raises(ValueError, match=rf"{name} must have the shape \(n, \*\(1, 4, 5\)\), got"):
            getattr(whitening, method)(turned)
    with pytest.raises(TypeError, match="n_units must be an integer"):
        whitening.random_filters(2.5, rng)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: SGD(rate=0), "rate"),
        (lambda: SGD(rate=1, momentum=1), "momentum"),
        (lambda: SGD(rate=1, fade=(5, 5)), "fade"),
        (lambda: SGD(rate=1, fade=(5, 6, 7)), r"fade must be two steps \(first, last\), got \(5, 6, 7\)"),
        (lambda: SGD(rate=1, fade=5), r"fade must be two steps \(first, last\), got 5"),
        (lambda: SGD(rate=1, momentum=-0.1), "momentum must be at least 0"),
        (lambda: Adam(beta2=1.5), "beta2"),
        (lambda: LBFGS(iterations=0), "iterations"),
    ],
)
def test_optimisers_name_what_is_out_of_range(make, words):
    with pytest.raises(ValueError, match=words):
        make()
