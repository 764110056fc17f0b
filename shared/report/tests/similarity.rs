//! The distance of two pieces is a metric.

use proptest::prelude::*;
use report::Similarity;

fn piece() -> impl Strategy<Value = Similarity> {
    prop::collection::vec(any::<i8>(), 42).prop_map(|vector| Similarity { version: 1, vector })
}

proptest! {
    #[test]
    fn distances_are_those_of_a_metric(a in piece(), b in piece(), c in piece()) {
        let distance = |x: &Similarity, y: &Similarity| x.distance(y).unwrap();
        prop_assert_eq!(distance(&a, &a), 0.0);
        prop_assert_eq!(distance(&a, &b) > 0.0, a != b);
        prop_assert_eq!(distance(&a, &b), distance(&b, &a));
        prop_assert!(distance(&a, &c) <= distance(&a, &b) + distance(&b, &c) + 1e-12);
    }
}

#[test]
fn a_distance_is_the_root_of_the_squares() {
    let piece = |vector: &[i8]| Similarity { version: 1, vector: vector.to_vec() };
    let distance = piece(&[-127, 4, 0]).distance(&piece(&[127, 1, 0])).unwrap();
    assert!((distance - (254f64 * 254.0 + 9.0).sqrt() / 283.0).abs() < 1e-12);
}

#[test]
fn versions_cannot_be_compared() {
    let one = Similarity { version: 1, vector: vec![1, 2] };
    assert_eq!(one.distance(&Similarity { version: 2, ..one.clone() }), None);
    assert_eq!(one.distance(&Similarity { vector: vec![1], ..one.clone() }), None);
}

#[test]
fn the_vector_is_bytes_for_machines() {
    let piece = Similarity { version: 1, vector: vec![-127, 0, 127] };
    let packed = rmp_serde::to_vec_named(&piece).unwrap();
    assert!(packed.windows(5).any(|it| it == [0xc4, 3, 0x81, 0, 0x7f]));
    assert_eq!(rmp_serde::from_slice::<Similarity>(&packed).unwrap(), piece);
}
