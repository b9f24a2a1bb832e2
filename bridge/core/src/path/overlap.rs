//! Whether writing at one path can change what another reads.

use super::{Op, Path, Pick, Test};

impl Path {
    /// Whether some record exists in which writing here changes what `other` reads, or the reverse.
    pub fn overlaps(&self, other: &Path) -> bool {
        for (depth, (mine, theirs)) in self.steps.iter().zip(&other.steps).enumerate() {
            if mine.member != theirs.member {
                return false;
            }
            match (&mine.pick, &theirs.pick) {
                (None, None) => {}
                (Some(Pick::Index(a)), Some(Pick::Index(b))) if a != b => return false,
                (Some(Pick::Where(a)), Some(Pick::Where(b))) if a != b => {
                    // A write to a member that conditions ask for moves elements between the paths.
                    if self.writes_condition(depth, b) || other.writes_condition(depth, a) {
                        return true;
                    }
                    if a.iter().any(|a| b.iter().any(|b| a.excludes(b))) {
                        return false;
                    }
                    // An element made for one would take the place of the one the other made do with.
                    if a.iter().chain(b).any(|t| t.op == Op::IsOrMissing) {
                        return true;
                    }
                }
                (Some(Pick::Index(_)), Some(Pick::Index(_))) | (Some(Pick::Where(_)), Some(Pick::Where(_))) => {}
                // A position against a condition, or one object against a list: nothing keeps them apart.
                _ => return true,
            }
        }
        true
    }

    /// Whether the step after `depth` names a member that `tests` ask for.
    fn writes_condition(&self, depth: usize, tests: &[Test]) -> bool {
        self.steps
            .get(depth + 1)
            .is_some_and(|next| tests.iter().any(|t| t.op != Op::Set && t.key == next.member))
    }
}

impl Test {
    /// Whether no element can fulfil both.
    fn excludes(&self, other: &Test) -> bool {
        if self.key != other.key {
            return false;
        }
        match (self.op, other.op) {
            (Op::Is, Op::Is | Op::IsOrMissing) | (Op::IsOrMissing, Op::Is) => self.value != other.value,
            (Op::Is, Op::IsNot) | (Op::IsNot, Op::Is) => self.value == other.value,
            _ => false,
        }
    }
}
