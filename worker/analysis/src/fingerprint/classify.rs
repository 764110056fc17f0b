//! From an image of pitch classes over time to 32 bits per place in it.
//!
//! Sixteen filters, chosen by boosting over pairs of recordings that are and are not the same, compare areas of the image
//! (Ke, Hoiem & Sukthankar, *Computer vision for music identification*, 2005; Jang et al., *Pairwise boosted audio
//! fingerprint*, 2009). Each answer is quantised to two bits whose neighbours differ in one. The filters and thresholds are
//! those of Chromaprint (Lukáš Lalinský), algorithm TEST2: they define the format.

use super::chroma::Row;

/// Columns that the widest filter covers.
pub(super) const WIDEST: usize = 16;
/// Two bits for each of four steps, of which neighbours differ in one bit (Gray).
const GRAY: [u32; 4] = [0, 1, 3, 2];

/// Which parts of its area a filter compares. Time runs along the width, pitch along the height.
#[derive(Debug, Clone, Copy)]
enum Shape {
    /// All of it, with nothing.
    Whole,
    /// The upper half with the lower.
    Pitches,
    /// The later half with the earlier.
    Times,
    /// Later low and earlier high with the others.
    Diagonal,
    /// The middle third of the pitches with the outer ones.
    PitchRidge,
    /// The middle third of the time with the outer ones.
    TimeRidge,
}

#[derive(Debug)]
struct Classifier {
    shape: Shape,
    /// The lowest pitch class, the number of pitch classes, and that of frames.
    pitch: usize,
    height: usize,
    width: usize,
    thresholds: [f64; 3],
}

const fn classifier(
    shape: Shape,
    (pitch, height, width): (usize, usize, usize),
    thresholds: [f64; 3],
) -> Classifier {
    Classifier { shape, pitch, height, width, thresholds }
}

const CLASSIFIERS: [Classifier; 16] = [
    classifier(Shape::Whole, (4, 3, 15), [1.98215, 2.35817, 2.63523]),
    classifier(Shape::PitchRidge, (4, 6, 15), [-1.03809, -0.651211, -0.282167]),
    classifier(Shape::Pitches, (0, 4, 16), [-0.298702, 0.119262, 0.558497]),
    classifier(Shape::Diagonal, (8, 2, 12), [-0.105439, 0.0153946, 0.135898]),
    classifier(Shape::Diagonal, (4, 4, 8), [-0.142891, 0.0258736, 0.200632]),
    classifier(Shape::PitchRidge, (0, 3, 5), [-0.826319, -0.590612, -0.368214]),
    classifier(Shape::Pitches, (2, 2, 9), [-0.557409, -0.233035, 0.0534525]),
    classifier(Shape::Times, (7, 3, 4), [-0.0646826, 0.00620476, 0.0784847]),
    classifier(Shape::Times, (6, 2, 16), [-0.192387, -0.029699, 0.215855]),
    classifier(Shape::Times, (1, 3, 2), [-0.0397818, -0.00568076, 0.0292026]),
    classifier(Shape::TimeRidge, (10, 1, 15), [-0.53823, -0.369934, -0.190235]),
    classifier(Shape::Diagonal, (6, 2, 10), [-0.124877, 0.0296483, 0.139239]),
    classifier(Shape::Times, (1, 1, 14), [-0.101475, 0.0225617, 0.231971]),
    classifier(Shape::Diagonal, (5, 6, 4), [-0.0799915, -0.00729616, 0.063262]),
    classifier(Shape::Pitches, (9, 2, 12), [-0.272556, 0.019424, 0.302559]),
    classifier(Shape::Diagonal, (4, 2, 14), [-0.164292, -0.0321188, 0.0846339]),
];

/// Sums of everything earlier and lower (Crow 1984): any rectangle costs four look-ups.
struct Sums(Vec<[f64; 13]>);

impl Sums {
    fn of(image: &[Row]) -> Self {
        let mut sums = vec![[0.0; 13]];
        let mut last = [0.0; 13];
        for row in image {
            let mut along = 0.0;
            for (pitch, value) in row.iter().enumerate() {
                along += value;
                last[pitch + 1] += along;
            }
            sums.push(last);
        }
        Self(sums)
    }

    /// Sum over the frames from `from` to `to` and the pitches from `low` to `high`, the ends left out.
    fn area(&self, (from, to): (usize, usize), (low, high): (usize, usize)) -> f64 {
        self.0[to][high] - self.0[from][high] - self.0[to][low] + self.0[from][low]
    }
}

impl Classifier {
    /// Logarithm of the ratio of two areas of the image from frame `at` on.
    fn answer(&self, sums: &Sums, at: usize) -> f64 {
        let (low, high) = (self.pitch, self.pitch + self.height);
        let end = at + self.width;
        let (times, pitches) = ((at, end), (low, high));
        let (middle, half) = (at + self.width / 2, low + self.height / 2);
        let (early, late, bottom, top) = ((at, middle), (middle, end), (low, half), (half, high));
        let (part, rest) = match self.shape {
            Shape::Whole => (sums.area(times, pitches), 0.0),
            Shape::Pitches => (sums.area(times, top), sums.area(times, bottom)),
            Shape::Times => (sums.area(late, pitches), sums.area(early, pitches)),
            Shape::Diagonal => (
                sums.area(early, top) + sums.area(late, bottom),
                sums.area(early, bottom) + sums.area(late, top),
            ),
            Shape::PitchRidge => {
                let ridge = (low + self.height / 3, low + 2 * (self.height / 3));
                let outer = sums.area(times, (low, ridge.0)) + sums.area(times, (ridge.1, high));
                (sums.area(times, ridge), outer)
            }
            Shape::TimeRidge => {
                let ridge = (at + self.width / 3, at + 2 * (self.width / 3));
                let outer = sums.area((at, ridge.0), pitches) + sums.area((ridge.1, end), pitches);
                (sums.area(ridge, pitches), outer)
            }
        };
        ((1.0 + part) / (1.0 + rest)).ln()
    }

    fn bits(&self, sums: &Sums, at: usize) -> u32 {
        let answer = self.answer(sums, at);
        GRAY[self.thresholds.iter().filter(|threshold| answer >= **threshold).count()]
    }
}

/// One item for each place where the widest filter fits.
pub(super) fn classify(image: &[Row]) -> Vec<u32> {
    let sums = Sums::of(image);
    (0..(image.len() + 1).saturating_sub(WIDEST))
        .map(|at| CLASSIFIERS.iter().fold(0, |bits, it| (bits << 2) | it.bits(&sums, at)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::noise;

    fn image(frames: usize, seed: u64) -> Vec<Row> {
        let values = noise(12 * frames, seed);
        values.as_chunks::<12>().0.iter().map(|row| row.map(|it| f64::from(it).abs())).collect()
    }

    #[test]
    fn areas_are_sums() {
        let image = image(20, 1);
        let sums = Sums::of(&image);
        for (times, pitches) in [((0, 20), (0, 12)), ((3, 4), (5, 6)), ((2, 17), (0, 7)), ((5, 5), (1, 4))] {
            let slow: f64 = image[times.0..times.1].iter().flat_map(|row| &row[pitches.0..pitches.1]).sum();
            assert!((sums.area(times, pitches) - slow).abs() < 1e-9);
        }
    }

    #[test]
    fn an_item_for_each_place_that_fits() {
        for (frames, items) in [(0, 0), (15, 0), (16, 1), (40, 25)] {
            assert_eq!(classify(&image(frames, 2)).len(), items);
        }
    }

    #[test]
    fn filters_fit_the_image() {
        for it in CLASSIFIERS {
            assert!(it.pitch + it.height <= 12 && it.width <= WIDEST && it.thresholds.is_sorted());
        }
    }

    #[test]
    fn silence_gives_what_it_gives_in_chromaprint() {
        // fpcalc -raw of digital silence.
        assert_eq!(classify(&[Row::default(); 18]), [627_964_279; 3]);
    }
}
