//! The traits that every socket and pipe end has, from one table: each is a newtype over an `IoSource`, and passes on to
//! it or to the standard type inside.

/// Gives `$type`, a struct with the one field `inner: IoSource<$std>`, the traits of a source that owns a handle.
macro_rules! forward {
    ($type:ident, $std:ty) => {
        impl $crate::event::Source for $type {
            #[inline]
            fn register(
                &mut self,
                registry: &$crate::Registry,
                token: $crate::Token,
                interest: $crate::Interest,
            ) -> ::std::io::Result<()> {
                self.inner.register(registry, token, interest)
            }

            #[inline]
            fn reregister(
                &mut self,
                registry: &$crate::Registry,
                token: $crate::Token,
                interest: $crate::Interest,
            ) -> ::std::io::Result<()> {
                self.inner.reregister(registry, token, interest)
            }

            #[inline]
            fn deregister(&mut self, registry: &$crate::Registry) -> ::std::io::Result<()> {
                self.inner.deregister(registry)
            }
        }

        $crate::sys::on_descriptors! {
            impl ::std::os::fd::AsFd for $type {
                fn as_fd(&self) -> ::std::os::fd::BorrowedFd<'_> {
                    self.inner.get_ref().as_fd()
                }
            }

            impl ::std::os::fd::AsRawFd for $type {
                fn as_raw_fd(&self) -> ::std::os::fd::RawFd {
                    self.inner.get_ref().as_raw_fd()
                }
            }

            impl ::std::os::fd::IntoRawFd for $type {
                fn into_raw_fd(self) -> ::std::os::fd::RawFd {
                    self.inner.into_inner().into_raw_fd()
                }
            }

            impl ::std::os::fd::FromRawFd for $type {
                /// Takes a descriptor over. It must be non-blocking.
                ///
                /// # Safety
                ///
                /// Those of [`FromRawFd`](::std::os::fd::FromRawFd): it is open, owned by nobody else, and of this kind.
                #[allow(unsafe_code)]
                unsafe fn from_raw_fd(fd: ::std::os::fd::RawFd) -> $type {
                    // SAFETY: promised by the caller.
                    let io = unsafe { <$std as ::std::os::fd::FromRawFd>::from_raw_fd(fd) };
                    $type { inner: $crate::IoSource::new(io) }
                }
            }

            impl From<::std::os::fd::OwnedFd> for $type {
                /// Takes a descriptor over. It must be non-blocking.
                fn from(fd: ::std::os::fd::OwnedFd) -> $type {
                    $type { inner: $crate::IoSource::new(<$std>::from(fd)) }
                }
            }

            impl From<$type> for ::std::os::fd::OwnedFd {
                fn from(source: $type) -> ::std::os::fd::OwnedFd {
                    source.inner.into_inner().into()
                }
            }
        }

        #[cfg(windows)]
        impl ::std::os::windows::io::AsSocket for $type {
            fn as_socket(&self) -> ::std::os::windows::io::BorrowedSocket<'_> {
                self.inner.get_ref().as_socket()
            }
        }

        #[cfg(windows)]
        impl ::std::os::windows::io::AsRawSocket for $type {
            fn as_raw_socket(&self) -> ::std::os::windows::io::RawSocket {
                self.inner.get_ref().as_raw_socket()
            }
        }

        #[cfg(windows)]
        impl ::std::os::windows::io::IntoRawSocket for $type {
            fn into_raw_socket(self) -> ::std::os::windows::io::RawSocket {
                self.inner.into_inner().into_raw_socket()
            }
        }

        #[cfg(windows)]
        impl ::std::os::windows::io::FromRawSocket for $type {
            /// Takes a socket over. It must be non-blocking.
            ///
            /// # Safety
            ///
            /// Those of [`FromRawSocket`](::std::os::windows::io::FromRawSocket): it is open, owned by nobody else, and
            /// of this kind.
            #[allow(unsafe_code)]
            unsafe fn from_raw_socket(socket: ::std::os::windows::io::RawSocket) -> $type {
                // SAFETY: promised by the caller.
                let io = unsafe { <$std as ::std::os::windows::io::FromRawSocket>::from_raw_socket(socket) };
                $type { inner: $crate::IoSource::new(io) }
            }
        }

        #[cfg(windows)]
        impl From<::std::os::windows::io::OwnedSocket> for $type {
            /// Takes a socket over. It must be non-blocking.
            fn from(socket: ::std::os::windows::io::OwnedSocket) -> $type {
                $type { inner: $crate::IoSource::new(<$std>::from(socket)) }
            }
        }

        #[cfg(windows)]
        impl From<$type> for ::std::os::windows::io::OwnedSocket {
            fn from(source: $type) -> ::std::os::windows::io::OwnedSocket {
                source.inner.into_inner().into()
            }
        }
    };
}

/// Gives `$type`, a socket as in [`forward`], the `Debug` of the standard type: it has the same name, and its addresses.
macro_rules! forward_debug {
    ($type:ident) => {
        impl ::std::fmt::Debug for $type {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                self.inner.fmt(f)
            }
        }
    };
}

/// Gives `$type`, a connected stream socket as in [`forward`], reading and writing, owned and by reference.
macro_rules! forward_stream {
    ($type:ident) => {
        impl ::std::io::Read for $type {
            #[inline]
            fn read(&mut self, buffer: &mut [u8]) -> ::std::io::Result<usize> {
                (&*self).read(buffer)
            }

            #[inline]
            fn read_vectored(&mut self, buffers: &mut [::std::io::IoSliceMut<'_>]) -> ::std::io::Result<usize> {
                (&*self).read_vectored(buffers)
            }
        }

        impl ::std::io::Read for &$type {
            #[inline]
            fn read(&mut self, buffer: &mut [u8]) -> ::std::io::Result<usize> {
                self.inner.do_io($crate::Interest::READABLE, |io| $crate::sys::transfer::receive(io, buffer))
            }

            #[inline]
            fn read_vectored(&mut self, buffers: &mut [::std::io::IoSliceMut<'_>]) -> ::std::io::Result<usize> {
                self.inner.do_io($crate::Interest::READABLE, |io| $crate::sys::transfer::receive_vectored(io, buffers))
            }
        }

        impl ::std::io::Write for $type {
            #[inline]
            fn write(&mut self, buffer: &[u8]) -> ::std::io::Result<usize> {
                (&*self).write(buffer)
            }

            #[inline]
            fn write_vectored(&mut self, buffers: &[::std::io::IoSlice<'_>]) -> ::std::io::Result<usize> {
                (&*self).write_vectored(buffers)
            }

            #[inline]
            fn flush(&mut self) -> ::std::io::Result<()> {
                Ok(())
            }
        }

        impl ::std::io::Write for &$type {
            #[inline]
            fn write(&mut self, buffer: &[u8]) -> ::std::io::Result<usize> {
                self.inner.do_io($crate::Interest::WRITABLE, |io| $crate::sys::transfer::send(io, buffer))
            }

            #[inline]
            fn write_vectored(&mut self, buffers: &[::std::io::IoSlice<'_>]) -> ::std::io::Result<usize> {
                self.inner.do_io($crate::Interest::WRITABLE, |io| $crate::sys::transfer::send_vectored(io, buffers))
            }

            /// Does nothing: there is no buffer on this side.
            #[inline]
            fn flush(&mut self) -> ::std::io::Result<()> {
                Ok(())
            }
        }
    };
}

pub(crate) use {forward, forward_debug, forward_stream};
