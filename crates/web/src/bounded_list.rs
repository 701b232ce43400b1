//! Lists in requests with a maximum length. Elements of a longer list are only parsed, so that no
//! request takes many times its size in memory.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};

/// The elements; `None` if there are more than `MAX`.
#[derive(Debug)]
pub struct BoundedList<T, const MAX: usize>(pub Option<Vec<T>>);

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for BoundedList<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ListVisitor::<T, MAX>(PhantomData)).map(Self)
    }
}

struct ListVisitor<T, const MAX: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for ListVisitor<T, MAX> {
    type Value = Option<Vec<T>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while list.len() < MAX {
            match elements.next_element()? {
                Some(element) => list.push(element),
                None => return Ok(Some(list)),
            }
        }
        let mut is_longer = false;
        while let Some(IgnoredAny) = elements.next_element()? {
            is_longer = true;
        }
        Ok((!is_longer).then_some(list))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_kept_up_to_its_bound_and_read_to_its_end() {
        let read = |text: &str| serde_json::from_str::<BoundedList<u8, 2>>(text);
        assert_eq!(read("[]").unwrap().0, Some(vec![]));
        assert_eq!(read("[1,2]").unwrap().0, Some(vec![1, 2]));
        assert_eq!(read("[1,2,3,[4]]").unwrap().0, None);
        assert!(read("[1,2,3,}").is_err());
        assert!(read(r#"["a"]"#).is_err());
    }
}
