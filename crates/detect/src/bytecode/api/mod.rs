//! Functions of the host that programs call. Numbers, names and prototypes are those of ClamAV's bytecode
//! API; [`FUNCTIONS`] is the list, one file for each group.

mod debug;
mod decompress;
mod detection;
mod disassembler;
mod engine;
mod environment;
mod file;
mod hash_set;
mod host_globals;
mod json;
mod map;
mod math;
mod memory;
mod pdf;
mod pe;
mod pipe;
mod script;
mod self_test;
mod text;

use super::interpreter::{Context, Failure};
use super::program::{Class, MAX_PARAMETERS, Types};

pub(crate) use decompress::Engines;
pub(crate) use file::Files;
pub(crate) use host_globals::globals;
pub(crate) use pipe::Pipes;

/// The functionality level that programs are told: that of ClamAV 1.6.
pub const FUNCTIONALITY_LEVEL: u32 = 240;

/// Sets and maps that a program made.
#[derive(Default)]
pub(crate) struct Tables {
    sets: hash_set::Sets,
    maps: map::Maps,
}

/// A function of the host.
pub(crate) struct Function {
    /// Its name.
    pub(crate) name: &'static str,
    parameters: &'static [Parameter],
    returns: Option<Parameter>,
    pub(crate) run: fn(&mut Context<'_, '_>, &Arguments) -> Result<u64, Failure>,
}

/// What a parameter or a result is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Parameter {
    /// An integer of 32 bits.
    Integer,
    /// A pointer.
    Pointer,
}

/// What a function is called with.
pub(crate) struct Arguments(pub(crate) [u64; MAX_PARAMETERS]);

impl Arguments {
    /// A pointer.
    fn pointer(&self, place: usize) -> u64 {
        self.0.get(place).copied().unwrap_or(0)
    }

    /// An integer without sign.
    fn unsigned(&self, place: usize) -> u32 {
        let [a, b, c, d, ..] = self.pointer(place).to_le_bytes();
        u32::from_le_bytes([a, b, c, d])
    }

    /// An integer with sign.
    fn signed(&self, place: usize) -> i32 {
        i32::from_le_bytes(self.unsigned(place).to_le_bytes())
    }

    /// A size; none if it is negative.
    fn size(&self, place: usize) -> Option<usize> {
        usize::try_from(self.signed(place)).ok()
    }
}

/// What most functions return where they cannot do what they are asked.
const FAILED: u64 = 0xffff_ffff;

/// A number of 32 bits with sign as a result.
fn signed(value: i32) -> u64 {
    u64::from(u32::from_le_bytes(value.to_le_bytes()))
}

/// A place in the object as a result: negative if there is none, or none that has 31 bits.
fn place(value: Option<u64>) -> u64 {
    value.and_then(|value| i32::try_from(value).ok()).map_or(FAILED, signed)
}

impl Function {
    /// Whether a program's prototype is that of the function.
    pub(crate) fn check(&self, parameters: &[u32], returns: u32, types: &Types<'_>) -> Result<(), String> {
        let is = |number: u32, wanted: Parameter| match wanted {
            Parameter::Integer => types.class(number) == Class::Integer(32),
            Parameter::Pointer => types.class(number) == Class::Pointer,
        };
        if parameters.len() != self.parameters.len() {
            return Err(format!("{} parameters, not {}", parameters.len(), self.parameters.len()));
        }
        for (place, (number, wanted)) in parameters.iter().zip(self.parameters).enumerate() {
            if !is(*number, *wanted) {
                return Err(format!("parameter {place} is of type {number}"));
            }
        }
        if self.returns.is_some_and(|wanted| !is(returns, wanted)) {
            return Err(format!("it returns type {returns}"));
        }
        Ok(())
    }
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// The function with this number, counted from 1.
pub(crate) fn function(number: u32) -> Option<&'static Function> {
    FUNCTIONS.get(usize::try_from(number.checked_sub(1)?).ok()?)
}

type Run = fn(&mut Context<'_, '_>, &Arguments) -> Result<u64, Failure>;

const I: Parameter = Parameter::Integer;
const P: Parameter = Parameter::Pointer;

/// A function that returns an integer.
const fn f(name: &'static str, parameters: &'static [Parameter], run: Run) -> Function {
    Function { name, parameters, returns: Some(I), run }
}

/// A function that returns a pointer.
const fn p(name: &'static str, parameters: &'static [Parameter], run: Run) -> Function {
    Function { name, parameters, returns: Some(P), run }
}

/// How many functions there are.
pub(crate) const COUNT: usize = 107;

/// The functions in the order of their numbers.
static FUNCTIONS: [Function; COUNT] = [
    f("test1", &[I, I], self_test::test1),
    f("read", &[P, I], file::read),
    f("write", &[P, I], file::write),
    f("seek", &[I, I], file::seek),
    f("setvirusname", &[P, I], detection::set_name),
    f("debug_print_str", &[P, I], debug::line),
    f("debug_print_uint", &[I], debug::number),
    f("disasm_x86", &[P, I], disassembler::disassemble),
    f("trace_directory", &[P, I], debug::trace),
    f("trace_scope", &[P, I], debug::trace),
    f("trace_source", &[P, I], debug::trace),
    f("trace_op", &[P, I], debug::trace),
    f("trace_value", &[P, I], debug::trace),
    f("trace_ptr", &[P, I], debug::trace),
    f("pe_rawaddr", &[I], pe::raw_address),
    f("file_find", &[P, I], file::find),
    f("file_byteat", &[I], file::byte_at),
    p("malloc", &[I], memory::allocate),
    f("test2", &[I], self_test::test2),
    f("get_pe_section", &[P, I], pe::section),
    f("fill_buffer", &[P, I, I, I, I], file::fill_buffer),
    f("extract_new", &[I], detection::extract_new),
    f("read_number", &[I], file::read_number),
    f("hashset_new", &[], hash_set::new),
    f("hashset_add", &[I, I], hash_set::add),
    f("hashset_remove", &[I, I], hash_set::remove),
    f("hashset_contains", &[I, I], hash_set::contains),
    f("hashset_done", &[I], hash_set::done),
    f("hashset_empty", &[I], hash_set::empty),
    f("buffer_pipe_new", &[I], pipe::new),
    f("buffer_pipe_new_fromfile", &[I], pipe::from_file),
    f("buffer_pipe_read_avail", &[I], pipe::read_available),
    p("buffer_pipe_read_get", &[I, I], pipe::read_get),
    f("buffer_pipe_read_stopped", &[I, I], pipe::read_stopped),
    f("buffer_pipe_write_avail", &[I], pipe::write_available),
    p("buffer_pipe_write_get", &[I, I], pipe::write_get),
    f("buffer_pipe_write_stopped", &[I, I], pipe::write_stopped),
    f("buffer_pipe_done", &[I], pipe::done),
    f("inflate_init", &[I, I, I], decompress::inflate_init),
    f("inflate_process", &[I], decompress::inflate_process),
    f("inflate_done", &[I], decompress::inflate_done),
    f("bytecode_rt_error", &[I], detection::error_at),
    f("jsnorm_init", &[I], script::init),
    f("jsnorm_process", &[I], script::process),
    f("jsnorm_done", &[I], script::process),
    f("ilog2", &[I, I], math::logarithm),
    f("ipow", &[I, I, I], math::power),
    f("iexp", &[I, I, I], math::exponential),
    f("isin", &[I, I, I], math::sine),
    f("icos", &[I, I, I], math::cosine),
    f("memstr", &[P, I, P, I], text::find),
    f("hex2ui", &[I, I], text::hexadecimal),
    f("atoi", &[P, I], text::number),
    f("debug_print_str_start", &[P, I], debug::start),
    f("debug_print_str_nonl", &[P, I], debug::text),
    f("entropy_buffer", &[P, I], math::entropy),
    f("map_new", &[I, I], map::new),
    f("map_addkey", &[P, I, I], map::add_key),
    f("map_setvalue", &[P, I, I], map::set_value),
    f("map_remove", &[P, I, I], map::remove),
    f("map_find", &[P, I, I], map::find),
    f("map_getvaluesize", &[I], map::value_size),
    p("map_getvalue", &[I, I], map::value),
    f("map_done", &[I], map::done),
    f("file_find_limit", &[P, I, I], file::find_limit),
    f("engine_functionality_level", &[], engine::level),
    f("engine_dconf_level", &[], engine::level),
    f("engine_scan_options", &[], engine::scan_options),
    f("engine_db_options", &[], engine::database_options),
    f("extract_set_container", &[I], detection::set_container),
    f("input_switch", &[I], file::switch_input),
    f("get_environment", &[P, I], environment::get),
    f("disable_bytecode_if", &[P, I, I], environment::disable_programs),
    f("disable_jit_if", &[P, I, I], environment::disable_compiler),
    f("version_compare", &[P, I, P, I], text::compare_versions),
    f("check_platform", &[I, I, I], environment::check_platform),
    f("pdf_get_obj_num", &[], pdf::object_count),
    f("pdf_get_flags", &[], pdf::flags),
    f("pdf_set_flags", &[I], pdf::set_flags),
    f("pdf_lookupobj", &[I], pdf::look_up),
    f("pdf_getobjsize", &[I], pdf::object_size),
    p("pdf_getobj", &[I, I], pdf::object),
    f("pdf_getobjid", &[I], pdf::object_id),
    f("pdf_getobjflags", &[I], pdf::object_flags),
    f("pdf_setobjflags", &[I, I], pdf::set_object_flags),
    f("pdf_get_offset", &[I], pdf::object_offset),
    f("pdf_get_phase", &[], pdf::phase),
    f("pdf_get_dumpedobjid", &[], pdf::dumped),
    f("matchicon", &[P, I, P, I], pe::match_icon),
    f("running_on_jit", &[], engine::is_compiled),
    f("get_file_reliability", &[], file::reliability),
    f("json_is_active", &[], json::is_active),
    f("json_get_object", &[P, I, I], json::nothing),
    f("json_get_type", &[I], json::nothing),
    f("json_get_array_length", &[I], json::nothing),
    f("json_get_array_idx", &[I, I], json::nothing),
    f("json_get_string_length", &[I], json::nothing),
    f("json_get_string", &[P, I, I], json::nothing),
    f("json_get_boolean", &[I], json::nothing),
    f("json_get_int", &[I], json::nothing),
    f("engine_scan_options_ex", &[P, I], engine::scan_option),
    f("lzma_init", &[I, I], decompress::lzma_init),
    f("lzma_process", &[I], decompress::lzma_process),
    f("lzma_done", &[I], decompress::lzma_done),
    f("bzip2_init", &[I, I], decompress::bzip2_init),
    f("bzip2_process", &[I], decompress::bzip2_process),
    f("bzip2_done", &[I], decompress::bzip2_done),
];
