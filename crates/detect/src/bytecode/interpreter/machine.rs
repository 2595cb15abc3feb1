//! The machine: calls, registers, and one step after another.

use super::arithmetic::{binary, compare, masked, signed};
use super::context::Context;
use super::memory::{Mark, Memory};
use super::{Failure, Host, Limits, Outcome, pointer};
use crate::bytecode::api;
use crate::bytecode::program::{Fill, Function, MAX_PARAMETERS, Place, Program, Source, Step};

/// A program that is running.
pub(super) struct Machine<'p, 'h> {
    program: &'p Program,
    context: Context<'p, 'h>,
    registers: Vec<u64>,
    callers: Vec<Frame<'p>>,
    depth: usize,
}

/// A function that is running.
#[derive(Clone, Copy)]
struct Frame<'p> {
    function: &'p Function,
    next: usize,
    registers: usize,
    mark: Mark,
    /// Where the caller wants the result.
    into: Option<Place>,
}

impl<'p, 'h> Machine<'p, 'h> {
    pub(super) fn new(
        program: &'p Program,
        host: &'h mut dyn Host,
        limits: &Limits,
    ) -> Result<Self, Failure> {
        let globals = api::globals(program.kind(), host)?;
        let memory = Memory::new(&program.globals, globals, limits.memory);
        let context = Context::new(memory, host, limits, program.kind());
        Ok(Self { program, context, registers: Vec::new(), callers: Vec::new(), depth: limits.depth })
    }

    pub(super) fn run(mut self) -> Result<Outcome, Failure> {
        let mut frame = self.enter(0, &[], None)?;
        loop {
            let step = frame.function.steps.get(frame.next).ok_or(Failure::Inconsistent)?;
            frame.next = frame.next.saturating_add(1);
            self.context.step()?;
            match step {
                Step::Call { function, arguments, into } => {
                    let values = self.arguments(&frame, arguments)?;
                    let called =
                        self.enter(*function, values.get(..arguments.len()).unwrap_or(&[]), *into)?;
                    self.callers.push(frame);
                    frame = called;
                }
                Step::Return(value) => {
                    let value = value.map_or(Ok(0), |value| self.get(&frame, value))?;
                    self.leave(&frame);
                    let Some(caller) = self.callers.pop() else {
                        return self.context.finish(value);
                    };
                    if let Some(into) = frame.into {
                        self.set(&caller, into, value)?;
                    }
                    frame = caller;
                }
                Step::Jump(target) => frame.next = *target as usize,
                Step::Branch { condition, yes, no } => {
                    let target = if self.get(&frame, *condition)? == 0 { no } else { yes };
                    frame.next = *target as usize;
                }
                Step::Api { function, arguments, into } => {
                    let values = self.arguments(&frame, arguments)?;
                    let result = (function.run)(&mut self.context, &api::Arguments(values))?;
                    if let Some(into) = into {
                        self.set(&frame, *into, result)?;
                    }
                }
                Step::Abort => return Err(self.context.aborted()),
                step => self.step(&frame, step)?,
            }
        }
    }

    fn enter(&mut self, number: u32, values: &[u64], into: Option<Place>) -> Result<Frame<'p>, Failure> {
        if self.callers.len() >= self.depth {
            return Err(Failure::Depth);
        }
        let function = self.program.functions.get(number as usize).ok_or(Failure::Inconsistent)?;
        let registers = self.registers.len();
        let count = function.registers as usize;
        let mark = self.context.memory.enter(&function.objects)?;
        self.context.memory.charge((count as u64).saturating_mul(8))?;
        let cleared = function.objects.iter().fold(0_u64, |sum, size| sum.saturating_add(u64::from(*size)));
        let made = count.saturating_add(function.objects.len()) as u64;
        self.context.spend((made / 8).saturating_add(cleared / 64))?;
        self.registers.resize(registers.saturating_add(count), 0);
        let frame = Frame { function, next: 0, registers, mark, into };
        for (place, value) in function.parameters.iter().zip(values) {
            self.set(&frame, *place, *value)?;
        }
        Ok(frame)
    }

    fn leave(&mut self, frame: &Frame<'p>) {
        self.context.memory.leave(frame.mark);
        self.context.memory.refund(u64::from(frame.function.registers).saturating_mul(8));
        self.registers.truncate(frame.registers);
    }

    fn get(&self, frame: &Frame<'p>, source: Source) -> Result<u64, Failure> {
        match source {
            Source::Constant(value) => Ok(value),
            Source::Register(number) => {
                let place = frame.registers.saturating_add(number as usize);
                self.registers.get(place).copied().ok_or(Failure::Inconsistent)
            }
            Source::Object(number, size) => {
                let memory = &self.context.memory;
                memory.load(memory.object(frame.mark, number), size)
            }
            Source::Address(number) => Ok(self.context.memory.object(frame.mark, number)),
        }
    }

    fn set(&mut self, frame: &Frame<'p>, place: Place, value: u64) -> Result<(), Failure> {
        match place {
            Place::Register(number) => {
                let place = frame.registers.saturating_add(number as usize);
                *self.registers.get_mut(place).ok_or(Failure::Inconsistent)? = value;
                Ok(())
            }
            Place::Object(number, size) => {
                let pointer = self.context.memory.object(frame.mark, number);
                self.context.memory.store(pointer, size, value)
            }
        }
    }

    fn arguments(&self, frame: &Frame<'p>, sources: &[Source]) -> Result<[u64; MAX_PARAMETERS], Failure> {
        let mut values = [0; MAX_PARAMETERS];
        for (value, source) in values.iter_mut().zip(sources) {
            *value = self.get(frame, *source)?;
        }
        Ok(values)
    }

    /// A step that only computes.
    fn step(&mut self, frame: &Frame<'p>, step: &Step) -> Result<(), Failure> {
        match step {
            Step::Binary { operation, bits, left, right, into } => {
                let (left, right) = (self.get(frame, *left)?, self.get(frame, *right)?);
                self.set(frame, *into, binary(*operation, *bits, left, right)?)
            }
            Step::Resize { signed: with_sign, from, to, source, into } => {
                let value = self.get(frame, *source)?;
                let value =
                    if *with_sign { u64::from_le_bytes(signed(value, *from).to_le_bytes()) } else { value };
                self.set(frame, *into, masked(value, *to))
            }
            Step::Compare { comparison, bits, left, right, into } => {
                let (left, right) = (self.get(frame, *left)?, self.get(frame, *right)?);
                self.set(frame, *into, u64::from(compare(*comparison, *bits, left, right)))
            }
            Step::Select { condition, yes, no, into } => {
                let chosen = if self.get(frame, *condition)? == 0 { no } else { yes };
                let value = self.get(frame, *chosen)?;
                self.set(frame, *into, value)
            }
            Step::Copy { source, into } => {
                let value = self.get(frame, *source)?;
                self.set(frame, *into, value)
            }
            Step::Offset { base, offset, terms, into } => {
                let mut pointer = pointer::moved(self.get(frame, *base)?, i64::from(*offset));
                for (index, bits, stride) in terms {
                    let index = signed(self.get(frame, *index)?, *bits);
                    pointer = pointer::moved(pointer, index.wrapping_mul(i64::from(*stride)));
                }
                self.set(frame, *into, pointer)
            }
            Step::Store { bytes, value, pointer } => {
                let (value, pointer) = (self.get(frame, *value)?, self.get(frame, *pointer)?);
                self.context.memory.store(pointer, *bytes, value)
            }
            Step::Load { bytes, pointer, into } => {
                let pointer = self.get(frame, *pointer)?;
                let value = self.context.memory.load(pointer, *bytes)?;
                self.set(frame, *into, value)
            }
            Step::Fill { operation, target, with, size } => {
                let (target, with) = (self.get(frame, *target)?, self.get(frame, *with)?);
                let size = self.size(frame, *size)?;
                match operation {
                    Fill::Set => {
                        self.context.memory.bytes_mut(target, size)?.fill(with.to_le_bytes()[0]);
                        Ok(())
                    }
                    Fill::Copy => self.context.memory.copy(target, with, size),
                }
            }
            Step::CompareMemory { left, right, size, into } => {
                let (left, right) = (self.get(frame, *left)?, self.get(frame, *right)?);
                let size = self.size(frame, *size)?;
                let memory = &self.context.memory;
                let order = memory.bytes(left, size)?.cmp(memory.bytes(right, size)?) as i32;
                self.set(frame, *into, u64::from(u32::from_le_bytes(order.to_le_bytes())))
            }
            Step::Swap { bytes, source, into } => {
                let value = self.get(frame, *source)?;
                let unused = 64_u32.saturating_sub(u32::from(*bytes).saturating_mul(8));
                self.set(frame, *into, value.swap_bytes().checked_shr(unused).unwrap_or(0))
            }
            Step::Difference { left, right, into } => {
                let difference = self.get(frame, *left)?.wrapping_sub(self.get(frame, *right)?);
                self.set(frame, *into, masked(difference, 32))
            }
            _ => Err(Failure::Inconsistent),
        }
    }

    /// A number of bytes that are worked on, which takes instructions too.
    fn size(&mut self, frame: &Frame<'p>, source: Source) -> Result<usize, Failure> {
        let size = self.get(frame, source)?;
        self.context.spend(size / 16)?;
        usize::try_from(size).map_err(|_| Failure::Memory)
    }
}
