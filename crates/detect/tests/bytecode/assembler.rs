//! Puts programs together.

use std::time::{Duration, Instant};

use candor_detect::bytecode::{
    Argument, Draft, DraftFunction, DraftInstruction, Extracted, FIRST_TYPE, Failure, Global, Host, Import,
    Kind, Limits, Local, Matches, Outcome, PdfPhase, Program, Type, run,
};
use candor_object::{Content, Layout};

pub(crate) const POINTER: u32 = 65;

pub(crate) const ADD: u8 = 1;
pub(crate) const SUB: u8 = 2;
pub(crate) const BRANCH: u8 = 17;
pub(crate) const JUMP: u8 = 18;
pub(crate) const RETURN: u8 = 19;
pub(crate) const EQUAL: u8 = 21;
pub(crate) const CALL: u8 = 32;
pub(crate) const API: u8 = 33;
pub(crate) const COPY: u8 = 34;
pub(crate) const ELEMENT: u8 = 35;
pub(crate) const MEMBER: u8 = 36;
pub(crate) const STORE: u8 = 38;
pub(crate) const LOAD: u8 = 39;
pub(crate) const ABORT: u8 = 45;

pub(crate) fn value(number: u32) -> Argument {
    Argument::Value(number)
}

pub(crate) fn constant(number: u64) -> Argument {
    Argument::Constant(number, 4)
}

/// A program whose functions and blocks are added to one after another.
pub(crate) struct Assembler(pub(crate) Draft);

impl Assembler {
    /// A program of this kind with an empty first function that returns an integer.
    pub(crate) fn new(kind: Kind) -> Self {
        let draft = Draft {
            kind,
            types: Vec::new(),
            imports: Vec::new(),
            globals: vec![Global { global_type: 0, parts: vec![0] }],
            functions: Vec::new(),
        };
        let mut assembler = Self(draft);
        assembler.function(&[], 32);
        assembler
    }

    pub(crate) fn a_type(&mut self, item: Type) -> u32 {
        let types = &mut self.0.types;
        let place = types.iter().position(|known| *known == item).unwrap_or_else(|| {
            types.push(item);
            types.len() - 1
        });
        FIRST_TYPE + u32::try_from(place).unwrap()
    }

    pub(crate) fn array(&mut self, count: u32, element: u32) -> u32 {
        self.a_type(Type::Array { count, element })
    }

    pub(crate) fn pointer(&mut self, to: u32) -> u32 {
        self.a_type(Type::Pointer(to))
    }

    /// Begins another function and returns its number, counted from 1.
    pub(crate) fn function(&mut self, parameters: &[u32], returns: u32) -> u32 {
        let locals =
            parameters.iter().map(|value_type| Local { value_type: *value_type, stored: false }).collect();
        let parameters = u32::try_from(parameters.len()).unwrap();
        self.0.functions.push(DraftFunction { parameters, returns, locals, blocks: vec![Vec::new()] });
        u32::try_from(self.0.functions.len()).unwrap()
    }

    pub(crate) fn local(&mut self, value_type: u32) -> u32 {
        let locals = &mut self.0.functions.last_mut().unwrap().locals;
        locals.push(Local { value_type, stored: false });
        u32::try_from(locals.len() - 1).unwrap()
    }

    /// Begins another block and returns its number.
    pub(crate) fn block(&mut self) -> u32 {
        let blocks = &mut self.0.functions.last_mut().unwrap().blocks;
        blocks.push(Vec::new());
        u32::try_from(blocks.len() - 1).unwrap()
    }

    pub(crate) fn instruction(&mut self, opcode: u8, result: u32, target: u32, arguments: &[Argument]) {
        let block = self.0.functions.last_mut().unwrap().blocks.last_mut().unwrap();
        block.push(DraftInstruction { opcode, result, target, arguments: arguments.to_vec() });
    }

    /// An instruction whose result is a new value.
    pub(crate) fn put(&mut self, opcode: u8, result: u32, arguments: &[Argument]) -> u32 {
        let target = self.local(result);
        self.instruction(opcode, result, target, arguments);
        target
    }

    pub(crate) fn jump(&mut self, block: u32) {
        self.instruction(JUMP, 0, 0, &[Argument::Block(block)]);
    }

    pub(crate) fn branch(&mut self, condition: u32, yes: u32, no: u32) {
        let arguments = [value(condition), Argument::Block(yes), Argument::Block(no)];
        self.instruction(BRANCH, 0, 0, &arguments);
    }

    pub(crate) fn ret(&mut self, result: Argument) {
        let returns = self.0.functions.last().unwrap().returns;
        self.instruction(RETURN, 0, 0, &[Argument::Type(returns), result]);
    }

    /// A constant text, as a pointer to its first byte.
    pub(crate) fn text(&mut self, text: &[u8]) -> Argument {
        let global_type = self.array(u32::try_from(text.len()).unwrap(), 8);
        let parts = text.iter().map(|byte| u64::from(*byte)).collect();
        self.0.globals.push(Global { global_type, parts });
        let number = self.0.globals.len() as u64 - 1;
        self.global(POINTER, 0, number)
    }

    /// A pointer of this type to a global.
    pub(crate) fn global(&mut self, global_type: u32, offset: u64, number: u64) -> Argument {
        self.0.globals.push(Global { global_type, parts: vec![offset, number] });
        Argument::Global(u32::try_from(self.0.globals.len() - 1).unwrap())
    }

    /// A value of so many bytes in memory, and a pointer to it.
    pub(crate) fn memory(&mut self, size: u32) -> u32 {
        let array = self.array(size, 8);
        let pointer = self.pointer(array);
        let memory = self.local(array);
        self.put(MEMBER, POINTER, &[Argument::Type(pointer), value(memory), constant(0)])
    }

    /// A byte behind a pointer, as 32 bits.
    pub(crate) fn byte(&mut self, pointer: u32, place: u64) -> u32 {
        let at = self.put(ELEMENT, POINTER, &[Argument::Type(POINTER), value(pointer), constant(place)]);
        let byte = self.put(LOAD, 8, &[value(at)]);
        self.put(16, 32, &[value(byte)])
    }

    /// Calls a function of the host; `prototype` is what it returns and its parameters.
    pub(crate) fn api(&mut self, number: u32, name: &str, prototype: &[u32], arguments: &[Argument]) -> u32 {
        let returns = prototype[0];
        let prototype = self.a_type(Type::Function(prototype.to_vec()));
        if !self.0.imports.iter().any(|import| import.number == number) {
            self.0.imports.push(Import { number, prototype, name: name.to_owned() });
        }
        let arguments: Vec<_> =
            [Argument::Function(number)].into_iter().chain(arguments.iter().copied()).collect();
        self.put(API, returns, &arguments)
    }

    /// Prints a number with a space behind it.
    pub(crate) fn print(&mut self, number: u32) {
        self.api(7, "debug_print_uint", &[32, 32], &[value(number)]);
        let space = self.text(b" ");
        self.api(55, "debug_print_str_nonl", &[32, POINTER, 32], &[space, constant(1)]);
    }

    pub(crate) fn program(&self) -> Program {
        Program::new(&self.0).unwrap()
    }

    /// Runs the program on some content.
    pub(crate) fn run(&self, content: &[u8]) -> (Result<Outcome, Failure>, Shown) {
        let mut shown = Shown::new(content);
        let outcome = run(&self.program(), &mut shown, &limits());
        (outcome, shown)
    }

    /// What the program returns.
    pub(crate) fn returns(&self) -> u64 {
        self.run(b"").0.unwrap().returned
    }

    /// What the program prints.
    pub(crate) fn prints(&self, content: &[u8]) -> String {
        let (outcome, shown) = self.run(content);
        outcome.unwrap();
        String::from_utf8(shown.printed).unwrap().trim().to_owned()
    }

    /// Why the program fails.
    pub(crate) fn fails(&self) -> String {
        self.run(b"").0.unwrap_err().to_string()
    }

    /// Why the draft is no program.
    pub(crate) fn fault(&self) -> String {
        Program::new(&self.0).unwrap_err().to_string()
    }
}

pub(crate) fn limits() -> Limits {
    Limits { instructions: 5_000_000, ..Limits::until(Instant::now() + Duration::from_secs(60)) }
}

/// A host that shows content and remembers what it is told.
pub(crate) struct Shown {
    pub(crate) content: Content,
    pub(crate) layout: Option<Layout>,
    pub(crate) matches: Matches,
    pub(crate) phase: Option<PdfPhase>,
    pub(crate) extracted: Vec<Extracted>,
    pub(crate) infected: bool,
    pub(crate) printed: Vec<u8>,
}

impl Shown {
    pub(crate) fn new(content: &[u8]) -> Self {
        Self {
            content: Content::from_vec(content.to_vec()),
            layout: None,
            matches: Matches::default(),
            phase: None,
            extracted: Vec::new(),
            infected: false,
            printed: Vec::new(),
        }
    }
}

impl Host for Shown {
    fn content(&self) -> &Content {
        &self.content
    }

    fn layout(&self) -> Option<&Layout> {
        self.layout.as_ref()
    }

    fn matches(&self) -> &Matches {
        &self.matches
    }

    fn pdf_phase(&self) -> Option<PdfPhase> {
        self.phase
    }

    fn extracted(&mut self, object: Extracted) -> bool {
        self.extracted.push(object);
        self.infected
    }

    fn prints(&mut self, text: &[u8]) {
        self.printed.extend_from_slice(text);
    }
}
