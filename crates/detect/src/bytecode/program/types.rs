//! The types of a program: what exists, how large it is and where its parts are.

use super::super::draft::{FIRST_TYPE, Type};
use super::{Fault, MAX_PARAMETERS, MAX_SIZE};

/// Most types of a program, as in the compiler's language.
const MAX_TYPES: usize = 64 << 10;
/// Deepest nesting of types; stops types that contain themselves.
const MAX_DEPTH: u32 = 32;
/// Most members of a type, which are counted through where one of them is named.
const MAX_MEMBERS: usize = 1024;
/// Most parts of all types together that are looked at. Stops types that contain each other many times.
const MAX_PARTS: u32 = 1 << 20;
/// The first of the types that are pointers in every program.
const POINTERS: u32 = 65;

/// Size and alignment in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) size: u32,
    align: u32,
}

/// What a type is to those who use a value of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// An integer of so many bits, 1 to 64.
    Integer(u8),
    /// A pointer.
    Pointer,
    /// Something that only lives in memory.
    Aggregate,
    /// Nothing, or a function.
    Nothing,
}

/// The types of a program.
pub(crate) struct Types<'d> {
    types: &'d [Type],
    /// By place in `types`.
    extents: Vec<Option<Extent>>,
}

impl<'d> Types<'d> {
    pub(super) fn new(types: &'d [Type]) -> Result<Self, Fault> {
        if types.len() > MAX_TYPES {
            return Err(Fault::new("types", format!("{} of them, at most {MAX_TYPES}", types.len())));
        }
        let mut all = Self { types, extents: vec![None; types.len()] };
        let mut parts = MAX_PARTS;
        for (place, item) in types.iter().enumerate() {
            let number = FIRST_TYPE.saturating_add(u32::try_from(place).unwrap_or(u32::MAX));
            let fault = |reason: &str| Fault::new(format!("type {number}"), reason);
            match item {
                Type::Pointer(target) if !all.exists(*target) => {
                    return Err(fault(&format!("there is no type {target}")));
                }
                Type::Pointer(_) => {}
                Type::Function(members) => {
                    let (returns, parameters) =
                        members.split_first().ok_or_else(|| fault("it does not say what it returns"))?;
                    let known =
                        |number: &u32| matches!(all.class(*number), Class::Integer(_) | Class::Pointer);
                    if parameters.len() > MAX_PARAMETERS || !parameters.iter().all(known) {
                        return Err(fault(
                            "it has too many parameters, or one that is no integer and no pointer",
                        ));
                    }
                    if *returns != 0 && !known(returns) {
                        return Err(fault("it returns what is no integer and no pointer"));
                    }
                }
                Type::Packed(members) | Type::Struct(members) if members.len() > MAX_MEMBERS => {
                    return Err(fault("it has too many members"));
                }
                Type::Packed(_) | Type::Struct(_) | Type::Array { .. } => {
                    all.measure(number, MAX_DEPTH, &mut parts).map_err(|reason| fault(&reason))?;
                }
            }
        }
        Ok(all)
    }

    fn get(&self, number: u32) -> Option<&'d Type> {
        self.types.get(usize::try_from(number.checked_sub(FIRST_TYPE)?).ok()?)
    }

    fn exists(&self, number: u32) -> bool {
        number < FIRST_TYPE || self.get(number).is_some()
    }

    /// What a type is; what does not exist is nothing.
    pub(crate) fn class(&self, number: u32) -> Class {
        match (number, self.get(number)) {
            (1..=64, _) => Class::Integer(u8::try_from(number).unwrap_or(64)),
            (POINTERS..FIRST_TYPE, _) | (_, Some(Type::Pointer(_))) => Class::Pointer,
            (_, Some(Type::Packed(_) | Type::Struct(_) | Type::Array { .. })) => Class::Aggregate,
            _ => Class::Nothing,
        }
    }

    /// What a pointer type points to.
    pub(super) fn target(&self, number: u32) -> Result<u32, String> {
        match (number, self.get(number)) {
            (65, _) => Ok(8),
            (66, _) => Ok(16),
            (67, _) => Ok(32),
            (68, _) => Ok(64),
            (_, Some(Type::Pointer(target))) => Ok(*target),
            _ => Err(format!("type {number} is no pointer")),
        }
    }

    /// Parameters and result of a function type.
    pub(super) fn function(&self, number: u32) -> Result<(&'d [u32], u32), String> {
        match self.get(number) {
            Some(Type::Function(members)) => match members.split_first() {
                Some((returns, parameters)) => Ok((parameters, *returns)),
                None => Err(format!("type {number} does not say what it returns")),
            },
            _ => Err(format!("type {number} is no function")),
        }
    }

    /// The size of a type in bytes.
    pub(super) fn size(&self, number: u32) -> Result<u32, String> {
        self.extent(number).map(|extent| extent.size)
    }

    /// The offsets and types of the fields of a type.
    pub(super) fn fields(&self, number: u32) -> impl Iterator<Item = Result<(u32, u32), String>> + '_ {
        let (fields, packed) = match self.get(number) {
            Some(Type::Packed(fields)) => (fields.as_slice(), true),
            Some(Type::Struct(fields)) => (fields.as_slice(), false),
            _ => (&[][..], true),
        };
        let mut next = 0_u32;
        fields.iter().map(move |member| {
            let extent = self.extent(*member)?;
            let offset = if packed { next } else { aligned(next, extent.align) };
            next = offset.saturating_add(extent.size);
            Ok((offset, *member))
        })
    }

    /// The number and type of the elements of an array.
    pub(super) fn elements(&self, number: u32) -> Option<(u32, u32)> {
        match self.get(number) {
            Some(Type::Array { count, element }) => Some((*count, *element)),
            _ => None,
        }
    }

    fn extent(&self, number: u32) -> Result<Extent, String> {
        match self.class(number) {
            Class::Integer(bits) => {
                let size = u32::from(bytes(bits));
                Ok(Extent { size, align: size })
            }
            Class::Pointer => Ok(Extent { size: 8, align: 8 }),
            Class::Aggregate => number
                .checked_sub(FIRST_TYPE)
                .and_then(|place| self.extents.get(usize::try_from(place).ok()?).copied().flatten())
                .ok_or_else(|| format!("type {number} has no size")),
            Class::Nothing => Err(format!("type {number} does not exist or has no size")),
        }
    }

    /// Computes the size of a type and of those in it.
    fn measure(&mut self, number: u32, depth: u32, parts: &mut u32) -> Result<Extent, String> {
        if let Ok(extent) = self.extent(number) {
            return Ok(extent);
        }
        let depth = depth.checked_sub(1).ok_or("types are nested too deeply")?;
        let extent = match self.get(number) {
            Some(Type::Array { count, element }) => {
                let element = self.measure(*element, depth, parts)?;
                let size = element.size.checked_mul(*count).ok_or("it is too large")?;
                Extent { size, align: element.align }
            }
            Some(Type::Packed(members)) => {
                let mut size = 0_u32;
                for member in members {
                    *parts = parts.checked_sub(1).ok_or("types have too many members")?;
                    size = size.saturating_add(self.measure(*member, depth, parts)?.size);
                }
                Extent { size, align: 1 }
            }
            Some(Type::Struct(members)) => {
                let mut whole = Extent { size: 0, align: 1 };
                for member in members {
                    *parts = parts.checked_sub(1).ok_or("types have too many members")?;
                    let member = self.measure(*member, depth, parts)?;
                    whole.size = aligned(whole.size, member.align).saturating_add(member.size);
                    whole.align = whole.align.max(member.align);
                }
                whole.size = aligned(whole.size, whole.align);
                whole
            }
            _ => return Err(format!("type {number} does not exist or has no size")),
        };
        if extent.size > MAX_SIZE {
            return Err(format!("it takes {} bytes, at most {MAX_SIZE}", extent.size));
        }
        let place = number.checked_sub(FIRST_TYPE).and_then(|place| usize::try_from(place).ok());
        if let Some(slot) = place.and_then(|place| self.extents.get_mut(place)) {
            *slot = Some(extent);
        }
        Ok(extent)
    }
}

/// Bytes that an integer of so many bits takes in memory.
pub(crate) fn bytes(bits: u8) -> u8 {
    match bits {
        0..=8 => 1,
        9..=16 => 2,
        17..=32 => 4,
        _ => 8,
    }
}

pub(super) fn aligned(offset: u32, align: u32) -> u32 {
    offset.checked_next_multiple_of(align.max(1)).unwrap_or(u32::MAX)
}
