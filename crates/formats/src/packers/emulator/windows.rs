//! The little of Windows that a packer needs before its program runs: libraries are loaded and functions looked up,
//! memory is asked for, and exceptions are handled.

use candor_object::Content;

use super::flags::Flags;
use super::library::{self, FUNCTION, FUNCTIONS};
use super::memory::{Fault, PAGE, STACK, STACK_SIZE, SYSTEM};
use super::processor::{EAX, EBP, EBX, ECX, EDI, EDX, ESI, ESP, Processor, Trap};

/// Functions that are looked up at most.
const MOST_FUNCTIONS: usize = 16_384;
/// Where a handler of exceptions returns to, in the library that calls it.
const HANDLED: u32 = library::BASE + 0xf000;
/// Where the program returns to when it ends.
pub(super) const EXIT: u32 = library::BASE + 0xf800;
/// Handles of libraries.
const LIBRARY: u32 = 0x7100_0000;

/// The program's own file: its handle and its name.
const OWN_FILE: u32 = 0x100;
const OWN_NAME: &[u8] = b"C:\\program.exe\0";

/// What the library exports, in the order of letters: what is emulated here, and what else packers look up.
const EXPORTED: [&str; 64] = [
    "CloseHandle",
    "CreateFileA",
    "CreateFileMappingA",
    "CreateMutexA",
    "CreateProcessA",
    "CreateThread",
    "CreateToolhelp32Snapshot",
    "DeleteFileA",
    "ExitProcess",
    "ExitThread",
    "FreeLibrary",
    "GetCommandLineA",
    "GetCurrentProcess",
    "GetCurrentProcessId",
    "GetCurrentThread",
    "GetCurrentThreadId",
    "GetEnvironmentVariableA",
    "GetFileSize",
    "GetLastError",
    "GetModuleFileNameA",
    "GetModuleHandleA",
    "GetModuleHandleW",
    "GetProcAddress",
    "GetProcessHeap",
    "GetStartupInfoA",
    "GetSystemDirectoryA",
    "GetTempPathA",
    "GetThreadContext",
    "GetTickCount",
    "GetVersion",
    "GetVersionExA",
    "GetWindowsDirectoryA",
    "GlobalAlloc",
    "GlobalFree",
    "HeapAlloc",
    "HeapCreate",
    "HeapFree",
    "IsDebuggerPresent",
    "LoadLibraryA",
    "LoadLibraryExA",
    "LoadLibraryW",
    "LocalAlloc",
    "LocalFree",
    "MapViewOfFile",
    "OpenProcess",
    "OutputDebugStringA",
    "Process32First",
    "Process32Next",
    "ReadFile",
    "ResumeThread",
    "RtlMoveMemory",
    "SetFilePointer",
    "SetLastError",
    "SetThreadContext",
    "SetUnhandledExceptionFilter",
    "Sleep",
    "TerminateProcess",
    "UnmapViewOfFile",
    "VirtualAlloc",
    "VirtualAllocEx",
    "VirtualFree",
    "VirtualProtect",
    "WaitForSingleObject",
    "WriteFile",
];

/// What a jump out of the program came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// It was a function that is emulated, and the program goes on.
    Done,
    /// The program calls something that packers do not call.
    Foreign(String),
    /// There is no function.
    Nothing,
}

/// The functions that the program knows.
#[derive(Debug)]
pub(super) struct Windows {
    functions: Vec<String>,
    /// Libraries that were loaded.
    libraries: Vec<String>,
    image: u32,
    /// The program's own file, and where it is read next.
    file: Content,
    position: u64,
    /// Exceptions that are being handled: where their context is.
    exceptions: u32,
}

impl Windows {
    pub(super) fn new(image: u32, file: Content) -> Self {
        Self { functions: Vec::new(), libraries: Vec::new(), image, file, position: 0, exceptions: 0 }
    }

    /// Sets up the stack and what the system tells each thread.
    pub(super) fn prepare(&self, processor: &mut Processor, entry: u32) -> Result<(), Fault> {
        let peb = SYSTEM.wrapping_add(PAGE);
        let (list, module) = (peb.wrapping_add(PAGE), peb.wrapping_add(PAGE).wrapping_add(0x100));
        let kernel = module.wrapping_add(0x100);
        let stack_top = STACK.wrapping_add(STACK_SIZE);
        for (place, value) in [
            (SYSTEM, u32::MAX),
            (SYSTEM.wrapping_add(4), stack_top),
            (SYSTEM.wrapping_add(8), STACK),
            (SYSTEM.wrapping_add(0x18), SYSTEM),
            (SYSTEM.wrapping_add(0x20), 0x0123),
            (SYSTEM.wrapping_add(0x30), peb),
            (peb.wrapping_add(8), self.image),
            // A list of two modules, the program and the library, that leads back to its head.
            (peb.wrapping_add(12), list),
            (list.wrapping_add(12), module),
            (list.wrapping_add(16), kernel),
            (list.wrapping_add(20), module.wrapping_add(8)),
            (list.wrapping_add(24), kernel.wrapping_add(8)),
            (module, kernel),
            (module.wrapping_add(4), list.wrapping_add(12)),
            (module.wrapping_add(8), kernel.wrapping_add(8)),
            (module.wrapping_add(12), list.wrapping_add(20)),
            (module.wrapping_add(0x18), self.image),
            (module.wrapping_add(0x1c), entry),
            (kernel, list.wrapping_add(12)),
            (kernel.wrapping_add(4), module),
            (kernel.wrapping_add(8), list.wrapping_add(20)),
            (kernel.wrapping_add(12), module.wrapping_add(8)),
            (kernel.wrapping_add(0x18), library::BASE),
        ] {
            processor.memory.write(place, 4, value)?;
        }
        processor.registers =
            [0, 0, entry, peb, stack_top.wrapping_sub(0x400), stack_top.wrapping_sub(0x40), 0, 0];
        processor.push(EXIT)
    }

    /// The image of the library.
    pub(super) fn exported(&mut self) -> Vec<u8> {
        library::image(&EXPORTED.map(|name| (name, self.address_of(name))))
    }

    /// The address of a function of that name.
    pub(super) fn address_of(&mut self, name: &str) -> u32 {
        let known = self.functions.iter().position(|function| function == name);
        let index = known.or_else(|| {
            (self.functions.len() < MOST_FUNCTIONS).then(|| {
                self.functions.push(name.to_owned());
                self.functions.len().saturating_sub(1)
            })
        });
        index.map_or(0, |index| {
            FUNCTIONS.wrapping_add(FUNCTION.wrapping_mul(u32::try_from(index).unwrap_or(0)))
        })
    }

    /// Does what the function at the next instruction's address does.
    pub(super) fn call(&mut self, processor: &mut Processor) -> Result<Call, Fault> {
        if processor.next == HANDLED {
            return self.resume(processor);
        }
        let index = processor.next.wrapping_sub(FUNCTIONS);
        let name =
            index.is_multiple_of(FUNCTION).then(|| self.functions.get((index / FUNCTION) as usize)).flatten();
        let Some(name) = name.cloned() else { return Ok(Call::Nothing) };
        let stack = processor.register(ESP);
        let argument = |processor: &Processor, number: u32| {
            processor.memory.read(stack.wrapping_add(4).wrapping_add(number.wrapping_mul(4)), 4)
        };
        let (arguments, value) = match name.as_str() {
            "LoadLibraryA" | "LoadLibraryW" => (1, self.library(processor, argument(processor, 0)?)),
            "LoadLibraryExA" | "LoadLibraryExW" => (3, self.library(processor, argument(processor, 0)?)),
            "GetModuleHandleA" | "GetModuleHandleW" => (1, self.library(processor, argument(processor, 0)?)),
            "GetProcAddress" => {
                let name = argument(processor, 1)?;
                let address = if name >> 16 == 0 {
                    self.numbered(argument(processor, 0)?, name)
                } else {
                    match crate::fields::name(processor.memory.slice(name, 256)).as_str() {
                        "" => 0,
                        name => self.address_of(name),
                    }
                };
                (2, address)
            }
            "VirtualAlloc" => (4, processor.memory.allocate(argument(processor, 1)?)),
            "VirtualProtect" => {
                let old = argument(processor, 3)?;
                // A wrong place for the old protection harms nobody.
                let _ = processor.memory.write(old, 4, 0x40);
                (4, 1)
            }
            "VirtualFree" | "HeapFree" => (3, 1),
            "GlobalAlloc" | "LocalAlloc" => (2, processor.memory.allocate(argument(processor, 1)?)),
            "HeapAlloc" | "RtlAllocateHeap" => (3, processor.memory.allocate(argument(processor, 2)?)),
            "GlobalFree" | "LocalFree" | "FreeLibrary" => (1, 0),
            "CloseHandle" => (1, 1),
            // Some look whether their own file was changed. There is no other file.
            "GetModuleFileNameA" => {
                let (to, room) = (argument(processor, 1)?, argument(processor, 2)? as usize);
                let name = OWN_NAME.get(..room.min(OWN_NAME.len())).unwrap_or_default();
                processor.memory.put(to, name)?;
                (3, u32::try_from(name.len().saturating_sub(1)).unwrap_or(0))
            }
            "GetModuleFileNameW" => (3, 0),
            "CreateFileA" => {
                self.position = 0;
                (7, OWN_FILE)
            }
            "CreateFileW" => (7, u32::MAX),
            "GetFileSize" => (2, u32::try_from(self.file.size()).unwrap_or(u32::MAX)),
            "SetFilePointer" => {
                let distance = i64::from(argument(processor, 1)?.cast_signed());
                let from = match argument(processor, 3)? {
                    0 => 0,
                    1 => self.position,
                    _ => self.file.size(),
                };
                self.position = from.saturating_add_signed(distance);
                (4, u32::try_from(self.position).unwrap_or(u32::MAX))
            }
            "ReadFile" => {
                let (to, size) = (argument(processor, 1)?, argument(processor, 2)?);
                let read = self.copy(processor, to, self.position, size)?;
                self.position = self.position.saturating_add(read.into());
                let count = argument(processor, 3)?;
                if count != 0 {
                    processor.memory.write(count, 4, read)?;
                }
                (5, 1)
            }
            "CreateFileMappingA" => (6, OWN_FILE),
            "MapViewOfFile" => {
                let (from, size) = (argument(processor, 3)?, argument(processor, 4)?);
                let rest = self.file.size().saturating_sub(from.into());
                let size = if size == 0 { u32::try_from(rest).unwrap_or(u32::MAX) } else { size };
                let to = processor.memory.allocate(size);
                if to != 0 {
                    self.copy(processor, to, from.into(), size)?;
                }
                (5, to)
            }
            "CreateToolhelp32Snapshot" => (2, u32::MAX),
            "Process32First" | "Process32Next" => (2, 0),
            "UnmapViewOfFile" | "OutputDebugStringA" | "GetVersionExA" => (1, 0),
            "CreateMutexA" => (3, 0x40),
            "HeapCreate" => (3, 0x0014_0000),
            "GetProcessHeap" => (0, 0x0014_0000),
            "GetTickCount" | "GetVersion" | "IsDebuggerPresent" | "GetLastError" => (0, 0),
            "GetCurrentProcess" => (0, u32::MAX),
            "GetCurrentProcessId" | "GetCurrentThreadId" => (0, 0x0123),
            "Sleep" | "SetLastError" | "SetUnhandledExceptionFilter" => (1, 0),
            _ => return Ok(Call::Foreign(name)),
        };
        processor.next = processor.pop()?;
        processor.set(ESP, processor.register(ESP).wrapping_add(4_u32.wrapping_mul(arguments)));
        processor.set(EAX, value);
        Ok(Call::Done)
    }

    /// Copies from the program's own file into its memory; how many bytes there were.
    fn copy(&self, processor: &mut Processor, to: u32, from: u64, size: u32) -> Result<u32, Fault> {
        let bytes = self.file.window(from, size as usize).map_err(|_| Fault(to))?;
        processor.memory.put(to, &bytes)?;
        Ok(u32::try_from(bytes.len()).unwrap_or(0))
    }

    /// The handle of a library whose name is at an address; 0 means the program itself.
    fn library(&mut self, processor: &Processor, name: u32) -> u32 {
        if name == 0 {
            return self.image;
        }
        let name = crate::fields::name(processor.memory.slice(name, 64)).to_ascii_lowercase();
        if name.starts_with("kernel32") {
            return library::BASE;
        }
        let known = self.libraries.iter().position(|library| *library == name);
        let index = known.unwrap_or_else(|| {
            if self.libraries.len() < 256 {
                self.libraries.push(name);
            }
            self.libraries.len().saturating_sub(1)
        });
        LIBRARY.wrapping_add(u32::try_from(index).unwrap_or(0).wrapping_mul(0x1_0000))
    }

    /// The address of an exported function, by its number. Libraries of the system give theirs out by name, and some
    /// packers look functions up until there is none.
    fn numbered(&mut self, handle: u32, number: u32) -> u32 {
        if handle == library::BASE {
            return 0;
        }
        let index = handle.wrapping_sub(LIBRARY) / 0x1_0000;
        let name = self.libraries.get(index as usize).map_or("", String::as_str);
        if ["user32", "advapi32", "gdi32"].iter().any(|known| name.starts_with(known)) {
            return 0;
        }
        self.address_of(&format!("ord{number}"))
    }

    /// Calls the innermost handler of exceptions; says whether there is one.
    pub(super) fn raise(&mut self, processor: &mut Processor, trap: Trap) -> Result<bool, Fault> {
        let code = match trap {
            Trap::Memory(_) => 0xc000_0005,
            Trap::Breakpoint => 0x8000_0003,
            Trap::Divide => 0xc000_0094,
            Trap::Illegal => 0xc000_001d,
            Trap::Unknown => return Ok(false),
        };
        let frame = processor.memory.read(SYSTEM, 4)?;
        let Ok(handler) = processor.memory.read(frame.wrapping_add(4), 4) else { return Ok(false) };
        if frame == u32::MAX || self.exceptions > 10_000 {
            return Ok(false);
        }
        self.exceptions = self.exceptions.saturating_add(1);
        let record = processor.register(ESP).wrapping_sub(0x400);
        let context = record.wrapping_add(0x60);
        let at = processor.next;
        for (place, value) in [(0, code), (4, 0), (8, 0), (12, at), (16, 0)] {
            processor.memory.write(record.wrapping_add(place), 4, value)?;
        }
        processor.memory.write(context, 4, 0x1_003f)?;
        for (place, number) in CONTEXT {
            processor.memory.write(context.wrapping_add(place), 4, processor.register(number))?;
        }
        for place in [0x04, 0x08, 0x0c, 0x10, 0x14, 0x18] {
            processor.memory.write(context.wrapping_add(place), 4, 0)?;
        }
        processor.memory.write(context.wrapping_add(CONTEXT_NEXT), 4, at)?;
        processor.memory.write(context.wrapping_add(CONTEXT_FLAGS), 4, processor.flags.pack())?;
        processor.set(ESP, record);
        for value in [context, context, frame, record, HANDLED] {
            processor.push(value)?;
        }
        processor.next = handler;
        processor.flags = Flags::default();
        Ok(true)
    }

    /// Goes on where the handler says.
    fn resume(&mut self, processor: &mut Processor) -> Result<Call, Fault> {
        if processor.register(EAX) != 0 {
            return Ok(Call::Foreign("an exception that is not handled".to_owned()));
        }
        // Record, frame and context are still on the stack, and behind them the context once more, for us.
        let context = processor.memory.read(processor.register(ESP).wrapping_add(12), 4)?;
        for (place, number) in CONTEXT {
            let value = processor.memory.read(context.wrapping_add(place), 4)?;
            processor.set(number, value);
        }
        processor.next = processor.memory.read(context.wrapping_add(CONTEXT_NEXT), 4)?;
        processor.flags = Flags::unpack(processor.memory.read(context.wrapping_add(CONTEXT_FLAGS), 4)?);
        Ok(Call::Done)
    }

    /// Puts the addresses of the imported functions into the tables of the image.
    pub(super) fn import(&mut self, imports: u32, processor: &mut Processor) -> Result<(), Fault> {
        let mut row = self.image.wrapping_add(imports);
        if imports == 0 {
            return Ok(());
        }
        for _ in 0..256 {
            let (Ok(names), Ok(library), Ok(table)) = (
                processor.memory.read(row, 4),
                processor.memory.read(row.wrapping_add(12), 4),
                processor.memory.read(row.wrapping_add(16), 4),
            ) else {
                break;
            };
            if library == 0 || table == 0 {
                break;
            }
            let table = self.image.wrapping_add(table);
            let names = match names {
                0 => table,
                names => self.image.wrapping_add(names),
            };
            // Some linkers leave the list of names broken; then the table itself has them.
            let names = if processor.memory.read(names, 4).is_ok() { names } else { table };
            for index in 0..4096_u32 {
                let place = index.wrapping_mul(4);
                let Ok(entry) = processor.memory.read(names.wrapping_add(place), 4) else { break };
                if entry == 0 {
                    break;
                }
                let name = if entry >> 31 == 1 {
                    format!("ord{}", entry & 0xffff)
                } else {
                    crate::fields::name(
                        processor.memory.slice(self.image.wrapping_add(entry).wrapping_add(2), 256),
                    )
                };
                let address = self.address_of(&name);
                processor.memory.write(table.wrapping_add(place), 4, address)?;
            }
            row = row.wrapping_add(20);
        }
        Ok(())
    }
}

/// Where the registers are in a context.
const CONTEXT: [(u32, usize); 8] =
    [(0x9c, EDI), (0xa0, ESI), (0xa4, EBX), (0xa8, EDX), (0xac, ECX), (0xb0, EAX), (0xb4, EBP), (0xc4, ESP)];
const CONTEXT_NEXT: u32 = 0xb8;
const CONTEXT_FLAGS: u32 = 0xc0;
