//! Written by `fit/bars.py`, in the order of the evidence.

use super::evidence::KINDS;

/// Bars of 2: weights of the mean evidence on each beat, of its autocorrelation at a bar, and of the metre itself.
pub(super) const POSITIONS_2: [[f64; KINDS]; 2] = [
    [0.7094, 0.5852, 0.5486, 0.0961, 0.0224, 0.4327, 0.3653, 0.3609, 0.2973, 0.0950],
    [-0.7097, -0.5688, -0.5252, -0.0894, -0.0095, -0.3854, -0.3800, -0.3948, -0.3032, -0.1032],
];
pub(super) const AGAIN_2: [f64; KINDS] =
    [0.2400, 0.3934, 0.4609, 0.3257, 0.1336, -0.1673, -0.0676, -0.1714, -0.2259, -0.0213];
pub(super) const PRIOR_2: f64 = -0.1956;

/// Bars of 3: weights of the mean evidence on each beat, of its autocorrelation at a bar, and of the metre itself.
pub(super) const POSITIONS_3: [[f64; KINDS]; 3] = [
    [0.9526, 0.6858, 0.5042, -0.0567, 0.3508, 0.0827, 0.2571, 0.1889, 0.4419, -0.0675],
    [0.0663, -0.1911, -0.1633, 0.0213, -0.4823, -0.1348, -0.0893, 0.1645, -0.1572, 0.0428],
    [-1.0230, -0.4975, -0.3626, 0.0253, 0.1360, 0.1006, -0.2016, -0.4332, -0.2992, 0.0211],
];
pub(super) const AGAIN_3: [f64; KINDS] =
    [0.6361, 0.3788, 0.6064, 0.6616, 0.2953, 0.3575, 0.1658, -0.0191, 0.0622, 0.3269];
pub(super) const PRIOR_3: f64 = 0.1449;

/// Bars of 4: weights of the mean evidence on each beat, of its autocorrelation at a bar, and of the metre itself.
pub(super) const POSITIONS_4: [[f64; KINDS]; 4] = [
    [0.8061, 1.3485, 1.2271, 0.4164, 0.2890, -0.2968, -0.2820, -0.2204, 0.6314, -0.1103],
    [-0.8991, 0.2077, -0.7634, -0.2103, -0.0973, -0.3246, 0.1151, 0.3661, 0.0711, -0.0369],
    [0.0382, -1.5018, -0.0726, -0.5195, -0.3671, -0.0323, 0.1086, -0.0909, -0.6800, 0.2153],
    [0.0432, -0.1134, -0.4176, 0.3332, 0.1617, 0.5223, 0.1140, 0.1416, 0.0318, -0.0330],
];
pub(super) const AGAIN_4: [f64; KINDS] =
    [0.3091, 0.5670, 0.1585, 0.1897, 0.0289, 0.3115, 0.3784, 0.5488, 0.7191, 0.4055];
pub(super) const PRIOR_4: f64 = 0.0508;
