//! Instructions that work on pointers and memory.

use super::super::{Fill, Source, Step};
use super::{Lowering, Want};
use crate::bytecode::draft::{Argument, DraftInstruction};
use crate::bytecode::interpreter::signed;
use crate::bytecode::program::Class;

const MEMBER: u8 = 36;
const SET: u8 = 40;
const COMPARE: u8 = 43;

impl Lowering<'_, '_> {
    /// Pointer arithmetic. One instruction moves by elements of what the type points to, one takes a member
    /// of that, and one does both.
    pub(super) fn offset(
        &mut self,
        instruction: &DraftInstruction,
        number: u32,
        base: Argument,
        indices: &[Argument],
    ) -> Result<Step, String> {
        self.must_be(instruction, Class::Pointer)?;
        let mut current = self.types.target(number)?;
        let base = self.source(base, Want::Pointer)?;
        let mut offset = 0_u32;
        let mut terms = Vec::new();
        let mut indices = indices.iter().copied();
        if instruction.opcode != MEMBER {
            let index = indices.next().ok_or("it has no index")?;
            let stride = self.types.size(current)?;
            self.term(index, stride, &mut offset, &mut terms)?;
        }
        for index in indices {
            if let Some((_, element)) = self.types.elements(current) {
                let stride = self.types.size(element)?;
                self.term(index, stride, &mut offset, &mut terms)?;
                current = element;
                continue;
            }
            let Argument::Constant(field, _) = index else {
                return Err("the number of a field is no constant".to_owned());
            };
            let place = usize::try_from(field).unwrap_or(usize::MAX);
            let found = self.types.fields(current).nth(place);
            let (start, member) = found.ok_or_else(|| format!("type {current} has no field {field}"))??;
            offset = offset.wrapping_add(start);
            current = member;
        }
        Ok(Step::Offset { base, offset, terms: terms.into(), into: self.destination(instruction)? })
    }

    pub(super) fn term(
        &mut self,
        index: Argument,
        stride: u32,
        offset: &mut u32,
        terms: &mut Vec<(Source, u8, u32)>,
    ) -> Result<(), String> {
        match index {
            Argument::Constant(value, size) => {
                let value = signed(value, size.clamp(1, 8).saturating_mul(8));
                let moved = value.wrapping_mul(i64::from(stride)).to_le_bytes();
                let low = moved.first_chunk().copied().map_or(0, u32::from_le_bytes);
                *offset = offset.wrapping_add(low);
            }
            Argument::Value(number) => {
                let bits = self.bits(self.value(number)?.value_type)?;
                terms.push((self.source(index, Want::Integer(bits))?, bits, stride));
            }
            _ => return Err("an index is no integer".to_owned()),
        }
        Ok(())
    }

    pub(super) fn memory(
        &mut self,
        instruction: &DraftInstruction,
        opcode: u8,
        target: Argument,
        with: Argument,
        size: Argument,
    ) -> Result<Step, String> {
        let target = self.source(target, Want::Pointer)?;
        let size_bits = self.integer(size, 32)?;
        let size = self.source(size, Want::Integer(size_bits))?;
        if opcode == SET {
            let bits = self.integer(with, 8)?;
            let with = self.source(with, Want::Integer(bits))?;
            return Ok(Step::Fill { operation: Fill::Set, target, with, size });
        }
        let with = self.source(with, Want::Pointer)?;
        if opcode == COMPARE {
            self.must_be(instruction, Class::Integer(32))?;
            return Ok(Step::CompareMemory {
                left: target,
                right: with,
                size,
                into: self.destination(instruction)?,
            });
        }
        Ok(Step::Fill { operation: Fill::Copy, target, with, size })
    }

    /// The type of what a store writes: that of the value, or the width of the constant.
    pub(super) fn stored(
        &self,
        instruction: &DraftInstruction,
        value: Argument,
    ) -> Result<(Want, u8), String> {
        match value {
            Argument::Value(number) => self.width(self.value(number)?.value_type),
            Argument::Constant(..) if instruction.result != 0 => self.width(instruction.result),
            Argument::Constant(_, size) => Ok((Want::Integer(64), size.clamp(1, 8).next_power_of_two())),
            _ => Ok((Want::Pointer, 8)),
        }
    }
}
