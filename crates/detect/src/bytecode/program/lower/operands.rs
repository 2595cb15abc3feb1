//! What instructions work on: values, constants, globals, types, blocks.

use super::super::types::bytes;
use super::super::{Place, Source, globals};
use super::{Lowering, Value, Want};
use crate::bytecode::draft::{Argument, DraftInstruction};
use crate::bytecode::interpreter::masked;
use crate::bytecode::program::Class;

impl Lowering<'_, '_> {
    pub(super) fn value(&self, number: u32) -> Result<&Value, String> {
        let place = usize::try_from(number).unwrap_or(usize::MAX);
        self.values.get(place).ok_or_else(|| format!("there is no value {number}"))
    }

    /// Where a value takes a result.
    pub(super) fn place(&self, number: u32) -> Result<Place, String> {
        let value = self.value(number)?;
        match value.class {
            Class::Integer(_) | Class::Pointer => Ok(value.home),
            _ => Err(format!("value {number} cannot take a result")),
        }
    }

    /// Where the result of an instruction goes; its type must be that of the value.
    pub(super) fn destination(&self, instruction: &DraftInstruction) -> Result<Place, String> {
        let class = self.types.class(instruction.result);
        let value = self.value(instruction.target)?;
        if value.class != class {
            let (target, result) = (instruction.target, instruction.result);
            return Err(format!(
                "value {target} is of type {}, the result of type {result}",
                value.value_type
            ));
        }
        self.place(instruction.target)
    }

    pub(super) fn source(&mut self, argument: Argument, want: Want) -> Result<Source, String> {
        match (argument, want) {
            (Argument::Constant(value, _), Want::Integer(bits)) => Ok(Source::Constant(masked(value, bits))),
            (Argument::Constant(0, _), Want::Pointer) => Ok(Source::Constant(0)),
            (Argument::Constant(..), Want::Pointer) => Err("a number is used as a pointer".to_owned()),
            (Argument::Global(number), Want::Pointer) => self.global(number),
            (Argument::Global(number), Want::Integer(_)) => {
                Err(format!("global {number} is used as an integer"))
            }
            (Argument::Value(number), want) => self.operand(number, want),
            _ => Err("an argument is no operand".to_owned()),
        }
    }

    /// A global as an operand: a pointer is its value, anything else its address.
    pub(super) fn global(&self, number: u32) -> Result<Source, String> {
        let place = usize::try_from(number).unwrap_or(usize::MAX);
        let globals = &self.draft.globals;
        let known = globals.get(place).ok_or_else(|| format!("there is no global {number}"))?;
        let value = match (self.types.class(known.global_type), known.parts.as_slice()) {
            (Class::Pointer, [0]) => 0,
            (Class::Pointer, [offset, target]) => globals::global(*target, *offset, globals.len())?,
            (Class::Pointer, _) => return Err(format!("global {number} is no pointer")),
            _ => globals::global(u64::from(number), 0, globals.len())?,
        };
        Ok(Source::Constant(value))
    }

    pub(super) fn operand(&mut self, number: u32, want: Want) -> Result<Source, String> {
        let value = *self.value(number)?;
        match (value.class, want) {
            (Class::Integer(bits), Want::Integer(wanted)) if bits != wanted => {
                return Err(format!("value {number} has {bits} bits, expected {wanted}"));
            }
            (Class::Integer(_), Want::Integer(_)) | (Class::Pointer, Want::Pointer) => {}
            (Class::Integer(_) | Class::Aggregate, Want::Pointer) => {
                let place = usize::try_from(number).unwrap_or(usize::MAX);
                if let Some(value) = self.values.get_mut(place) {
                    value.addressed = true;
                }
                return Ok(match value.home {
                    Place::Object(object, _) => Source::Address(object),
                    // In the first pass only.
                    Place::Register(_) => Source::Constant(0),
                });
            }
            _ => return Err(format!("value {number} cannot be used here")),
        }
        Ok(match value.home {
            Place::Register(register) => Source::Register(register),
            Place::Object(object, size) => Source::Object(object, size),
        })
    }

    /// What is wanted of an operand of a type.
    pub(super) fn want(&self, number: u32) -> Result<Want, String> {
        match self.types.class(number) {
            Class::Integer(bits) => Ok(Want::Integer(bits)),
            Class::Pointer => Ok(Want::Pointer),
            _ => Err(format!("there are no operands of type {number}")),
        }
    }

    pub(super) fn bits(&self, number: u32) -> Result<u8, String> {
        match self.types.class(number) {
            Class::Integer(bits) => Ok(bits),
            _ => Err(format!("type {number} is no integer")),
        }
    }

    /// Bytes of an integer or pointer in memory.
    pub(super) fn width(&self, number: u32) -> Result<(Want, u8), String> {
        let want = self.want(number)?;
        Ok((want, if let Want::Integer(bits) = want { bytes(bits) } else { 8 }))
    }

    pub(super) fn block(&self, argument: Option<&Argument>) -> Result<u32, String> {
        let Some(Argument::Block(number)) = argument else {
            return Err("a block is missing".to_owned());
        };
        let place = usize::try_from(*number).unwrap_or(usize::MAX);
        self.blocks.get(place).copied().ok_or_else(|| format!("there is no block {number}"))
    }

    pub(super) fn pair(
        &mut self,
        left: Argument,
        right: Argument,
        want: Want,
    ) -> Result<(Source, Source), String> {
        Ok((self.source(left, want)?, self.source(right, want)?))
    }

    pub(super) fn must_be(&self, instruction: &DraftInstruction, class: Class) -> Result<(), String> {
        if self.types.class(instruction.result) == class {
            Ok(())
        } else {
            Err(format!("its result cannot be of type {}", instruction.result))
        }
    }

    pub(super) fn operands(
        &mut self,
        operands: &[Argument],
        wants: &[Want],
    ) -> Result<Box<[Source]>, String> {
        if operands.len() != wants.len() {
            return Err(format!("it has {} operands, the function {}", operands.len(), wants.len()));
        }
        operands.iter().zip(wants).map(|(operand, want)| self.source(*operand, *want)).collect()
    }

    /// Where the result of a call goes.
    pub(super) fn result(
        &self,
        instruction: &DraftInstruction,
        returns: u32,
    ) -> Result<Option<Place>, String> {
        if returns == 0 {
            return Ok(None);
        }
        if self.types.class(instruction.result) != self.types.class(returns) {
            return Err(format!("its result is of type {}, the function's {returns}", instruction.result));
        }
        self.destination(instruction).map(Some)
    }

    /// The width of an integer operand of any width; constants have the one given.
    pub(super) fn integer(&self, argument: Argument, constant: u8) -> Result<u8, String> {
        match argument {
            Argument::Value(number) => self.bits(self.value(number)?.value_type),
            _ => Ok(constant),
        }
    }
}
