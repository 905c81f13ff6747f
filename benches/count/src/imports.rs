//! The import table of this program: a list of addresses, which its calls of other modules' functions go through.
//! What it looks like on disk and in memory is Microsoft's "PE Format"; the numbers below are offsets from there.

use std::ffi::c_void;
use std::io;
use std::mem::size_of;
use std::ptr;

use windows_sys::Win32::System::LibraryLoader::GetModuleHandleW;
use windows_sys::Win32::System::Memory::{VirtualProtect, PAGE_READWRITE};

/// The size of a word of the table, which is that of an address.
const WORD: usize = size_of::<usize>();
/// A word with this bit imports by number and not by name.
const BY_NUMBER: usize = 1 << (usize::BITS - 1);
/// `IMAGE_IMPORT_DESCRIPTOR`: one for each module that something is imported from.
const DESCRIPTOR: usize = 20;

/// This program as it lies in memory.
struct Image {
    base: *mut u8,
    size: usize,
}

/// A function that this program imports by its name.
pub(crate) struct Import {
    pub(crate) name: String,
    slot: *mut *mut c_void,
}

impl Image {
    fn own() -> Image {
        // SAFETY: null stands for the program itself.
        let base = unsafe { GetModuleHandleW(ptr::null()) }.cast();
        // The headers fill at least this much.
        let headers = Image { base, size: 512 };
        Image { base, size: headers.offset(headers.optional_header() + 56) }
    }

    fn bytes<const N: usize>(&self, at: usize) -> [u8; N] {
        assert!(at + N <= self.size, "the image ends before {at}");
        let bytes = self.base.wrapping_add(at).cast_const();
        // SAFETY: within the image, all of which is mapped for as long as the program runs.
        unsafe { bytes.cast::<[u8; N]>().read() }
    }

    /// A place in the image, as it is written there.
    fn offset(&self, at: usize) -> usize {
        u32::from_le_bytes(self.bytes(at)) as usize
    }

    fn word(&self, at: usize) -> usize {
        usize::from_le_bytes(self.bytes(at))
    }

    fn name(&self, at: usize) -> String {
        (at..).map(|at| self.bytes::<1>(at)[0]).take_while(|byte| *byte != 0).map(char::from).collect()
    }

    fn optional_header(&self) -> usize {
        self.offset(0x3C) + 24
    }

    fn imports_at(&self) -> usize {
        // The header for 64 bits has a 4 in it, and its last numbers are longer.
        let directories = if WORD == 8 { 112 } else { 96 };
        self.offset(self.optional_header() + directories + 8)
    }
}

/// Everything that is imported by name.
pub(crate) fn all() -> Vec<Import> {
    let image = Image::own();
    let descriptors = (image.imports_at()..).step_by(DESCRIPTOR);
    let modules = descriptors.map(|at| (image.offset(at), image.offset(at + 16)));
    let modules = modules.take_while(|(_, slots)| *slots != 0);
    let functions = modules.flat_map(|(names, slots)| {
        let words = (0..).map(move |n| (names + n * WORD, slots + n * WORD));
        let words = words.map(|(name, slot)| (image.word(name), slot));
        words.take_while(|(name, _)| *name != 0).filter(|(name, _)| name & BY_NUMBER == 0)
    });
    let imports = functions.map(|(name, slot)| Import {
        // Behind a hint of two bytes.
        name: image.name(name + 2),
        slot: image.base.wrapping_add(slot).cast(),
    });
    imports.collect()
}

impl Import {
    /// Has the program call another function from now on, and gives the one that it called before.
    pub(crate) fn redirect(&self, to: *mut c_void) -> io::Result<*mut c_void> {
        let mut before = 0;
        // SAFETY: the slot is a word of our own image, and only loses its protection.
        let done = unsafe { VirtualProtect(self.slot.cast(), WORD, PAGE_READWRITE, &mut before) };
        if done == 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the slot is an aligned word of our image, writable now, and no other thread runs yet.
        Ok(unsafe { self.slot.replace(to) })
    }
}
