# Installing: programs, library, header, pkg-config's file, Python module. DESTDIR is put before each path.
PREFIX     ?= /usr/local
BINDIR     ?= $(PREFIX)/bin
SBINDIR    ?= $(PREFIX)/sbin
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
# Where Debian's python3 looks: packages share a folder, what is local belongs to one release.
PYTHONDIR  ?= $(PREFIX)/lib/python3$(if $(filter /usr,$(PREFIX)),,.$$(python3 -c 'import sys; print(sys.version_info[1])'))/dist-packages

INSTALL ?= install
at       = $(DESTDIR)$(1)

.PHONY: install
install: all ## install programs, library and Python module under PREFIX (/usr/local); DESTDIR, LIBDIR, PYTHONDIR
	$(INSTALL) -d $(call at,$(BINDIR)) $(call at,$(SBINDIR)) $(call at,$(LIBDIR)/pkgconfig) \
	    $(call at,$(INCLUDEDIR)) "$(call at,$(PYTHONDIR))/holdfast"
	$(INSTALL) build/holdfast build/holdfast-sim $(call at,$(BINDIR))
	$(INSTALL) build/holdfastd $(call at,$(SBINDIR))
	$(INSTALL) -m 644 build/libholdfast.a build/libholdfast.so.0 $(call at,$(LIBDIR))
	ln -sf libholdfast.so.0 $(call at,$(LIBDIR)/libholdfast.so)
	$(INSTALL) -m 644 client/holdfast.h $(call at,$(INCLUDEDIR))
	sed -e 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@INCLUDEDIR@|$(INCLUDEDIR)|' \
	    -e "s|@VERSION@|$$(sed -n 's/^#define HOLDFAST_VERSION "\(.*\)"/\1/p' crypto/version.h)|" \
	    packaging/holdfast.pc.in >$(call at,$(LIBDIR)/pkgconfig/holdfast.pc)
	$(INSTALL) -m 644 client/python/holdfast/*.py "$(call at,$(PYTHONDIR))/holdfast"
