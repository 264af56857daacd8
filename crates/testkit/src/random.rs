//! Chance that can be repeated: the same seed makes the same choices.
//!
//! For schedules and choices of tests, never for keys or tokens.

/// A seeded source of choices (`SplitMix64`).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The source of this seed.
    pub fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// A source of its own for a part of the whole: what one part draws changes nothing for the others.
    #[must_use]
    pub fn of(seed: u64, part: &str) -> Self {
        // FNV-1a: stable between versions of the compiler, which the standard hasher is not.
        let hash = part.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let mut random = Self(seed ^ hash);
        random.bits();
        random
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A number from `from` up to and with `to`.
    pub fn between(&mut self, from: u64, to: u64) -> u64 {
        assert!(from <= to, "{from} is more than {to}");
        from + self.bits() % (to - from + 1)
    }

    /// Whether something that happens this often, in percent, happens now.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.between(1, 100) <= percent
    }

    /// One of these.
    ///
    /// # Panics
    /// When there is none.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        let last = of.len().checked_sub(1).expect("something to choose from");
        &of[self.between(0, last as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_choices_and_parts_differ() {
        let draw = |mut random: Random| [random.bits(), random.bits(), random.between(3, 9)];
        assert_eq!(draw(Random::seeded(7)), draw(Random::seeded(7)));
        assert_eq!(draw(Random::of(7, "ada")), draw(Random::of(7, "ada")));
        assert_ne!(draw(Random::of(7, "ada")), draw(Random::of(7, "grace")));
        assert_ne!(draw(Random::of(7, "ada")), draw(Random::of(8, "ada")));
    }

    #[test]
    fn numbers_stay_between_their_bounds_and_reach_them() {
        let mut random = Random::seeded(1);
        let drawn: Vec<u64> = (0..1000).map(|_| random.between(3, 5)).collect();
        assert!([3, 4, 5].iter().all(|number| drawn.contains(number)));
        assert!(drawn.iter().all(|number| (3..=5).contains(number)));
        assert_eq!(random.pick(&["only"]), &"only");
    }
}
