//! Which stretches are alike: agglomerative clustering by the distance of means (Ward's criterion would favour short ones).

use super::columns::Columns;
use super::distance;

/// Clusters whose means are no further apart, in squared deviations, are one. On the medleys of [`super::partition`], pairs of
/// instants have F = 0.89 with 0.25, 0.92 with 0.5 and 0.91 with 0.7.
const ALIKE: f64 = 0.5;

/// A number for each stretch, in the order of first appearance, the same for those that are alike.
pub(super) fn labels(columns: &Columns, edges: &[usize]) -> Vec<usize> {
    let stretches = edges.windows(2);
    let mut clusters: Vec<_> = stretches
        .enumerate()
        .map(|(at, pair)| (vec![at], (pair[1] - pair[0]) as f64, columns.mean(pair[0], pair[1])))
        .collect();
    loop {
        let mut nearest = (ALIKE, 0, 0);
        for b in 1..clusters.len() {
            for a in 0..b {
                let distance = distance(&clusters[a].2, &clusters[b].2);
                if distance < nearest.0 {
                    nearest = (distance, a, b);
                }
            }
        }
        let (_, a, b) = nearest;
        if b == 0 {
            break;
        }
        let (members, weight, mean) = clusters.remove(b);
        let into = &mut clusters[a];
        let total = into.1 + weight;
        into.2.iter_mut().zip(mean).for_each(|(to, from)| *to = (*to * into.1 + from * weight) / total);
        into.1 = total;
        into.0.extend(members);
    }
    // Each cluster is at the place of its earliest member, so the order of clusters is that of appearance.
    let mut labels = vec![0; edges.len().saturating_sub(1)];
    for (label, (members, ..)) in clusters.iter().enumerate() {
        members.iter().for_each(|member| labels[*member] = label);
    }
    labels
}

/// `A` to `Z`, then `A1` to `Z1` and so on.
pub(super) fn name(label: usize) -> String {
    let letter = char::from(b'A' + (label % 26) as u8);
    if label < 26 { letter.to_string() } else { format!("{letter}{}", label / 26) }
}

#[cfg(test)]
mod tests {
    use super::super::columns::WIDTH;
    use super::*;

    #[test]
    fn what_is_alike_has_the_same_number() {
        let columns: Vec<[f64; WIDTH]> = [0.0, 3.0, 0.1, -2.0, 3.1].map(|level| [level; WIDTH]).to_vec();
        let columns = Columns::of(&columns);
        assert_eq!(labels(&columns, &[0, 1, 2, 3, 4, 5]), [0, 1, 0, 2, 1]);
        assert_eq!(labels(&columns, &[0, 5]), [0]);
    }

    #[test]
    fn names_go_on_after_z() {
        assert_eq!([0, 2, 25, 26, 53].map(name), ["A", "C", "Z", "A1", "B2"]);
    }
}
