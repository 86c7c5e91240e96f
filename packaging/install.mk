# Installing, and Debian packages. DESTDIR is put before each path.
PREFIX     ?= /usr/local
BINDIR     ?= $(PREFIX)/bin
SBINDIR    ?= $(PREFIX)/sbin
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR     ?= $(PREFIX)/share/man
DOCDIR     ?= $(PREFIX)/share/doc/holdfast
BASHDIR    ?= $(PREFIX)/share/bash-completion/completions
# Where the service manager looks; under /usr/local it looks for units in /usr/local/lib, for the others too.
UNITDIR     ?= $(if $(filter /usr,$(PREFIX)),/lib,$(PREFIX)/lib)/systemd/system
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
TMPFILESDIR ?= $(PREFIX)/lib/tmpfiles.d
# Where Debian's python3 looks: packages share a folder, what is local belongs to one release.
PYTHONDIR  ?= $(PREFIX)/lib/python3$(if $(filter /usr,$(PREFIX)),,.$$(python3 -c 'import sys; print(sys.version_info[1])'))/dist-packages

INSTALL ?= install
at       = $(DESTDIR)$(1)
version  = $$(sed -n 's/^\#define HOLDFAST_VERSION "\(.*\)"/\1/p' crypto/version.h)

.PHONY: man install install-programs install-library install-system install-man deb

man: build/holdfast build/holdfastd build/holdfast-executor build/holdfast-sim ## manual pages, out of docs/ and --help, into build/man (scdoc)
	@rm -rf build/man
	@python3 packaging/man/pages.py build/man
	@for page in build/man/*.scd; do scdoc <$$page >$${page%.scd} && rm $$page || exit 1; done

install: install-programs install-library install-system install-man ## all of it under PREFIX (/usr/local); DESTDIR, LIBDIR, PYTHONDIR ...

install-programs: all
	$(INSTALL) -d $(call at,$(BINDIR)) $(call at,$(SBINDIR)) $(call at,$(BASHDIR))
	$(INSTALL) build/holdfast build/holdfast-sim $(call at,$(BINDIR))
	$(INSTALL) build/holdfastd build/holdfast-executor $(call at,$(SBINDIR))
	$(INSTALL) -m 644 packaging/bash-completion/holdfast $(call at,$(BASHDIR))

install-library: all
	$(INSTALL) -d $(call at,$(LIBDIR)/pkgconfig) $(call at,$(INCLUDEDIR)) "$(call at,$(PYTHONDIR))/holdfast"
	$(INSTALL) -m 644 build/libholdfast.a build/libholdfast.so.0 $(call at,$(LIBDIR))
	ln -sf libholdfast.so.0 $(call at,$(LIBDIR)/libholdfast.so)
	$(INSTALL) -m 644 client/holdfast.h $(call at,$(INCLUDEDIR))
	sed -e 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@INCLUDEDIR@|$(INCLUDEDIR)|' \
	    -e "s|@VERSION@|$(version)|" packaging/holdfast.pc.in >$(call at,$(LIBDIR)/pkgconfig/holdfast.pc)
	$(INSTALL) -m 644 client/python/holdfast/*.py "$(call at,$(PYTHONDIR))/holdfast"

# Nothing is enabled or started, and no configuration is written: that is the packages' or the operator's to do.
install-system:
	$(INSTALL) -d $(call at,$(UNITDIR)) $(call at,$(SYSUSERSDIR)) $(call at,$(TMPFILESDIR)) $(call at,$(DOCDIR)/examples)
	for unit in packaging/systemd/*.service; do \
	    sed 's|@SBINDIR@|$(SBINDIR)|' $$unit >$(call at,$(UNITDIR))/$${unit##*/} || exit 1; done
	$(INSTALL) -m 644 packaging/sysusers.conf $(call at,$(SYSUSERSDIR)/holdfast.conf)
	$(INSTALL) -m 644 packaging/tmpfiles.conf $(call at,$(TMPFILESDIR)/holdfast.conf)
	$(INSTALL) -m 644 packaging/holdfast.conf packaging/prometheus/holdfast.rules.yml \
	    $(call at,$(DOCDIR)/examples)
	$(INSTALL) -m 644 packaging/grafana/holdfast.json $(call at,$(DOCDIR)/examples/holdfast-grafana.json)

install-man:
	@if command -v scdoc >/dev/null; then $(MAKE) --no-print-directory man; \
	else echo "no manual pages: scdoc is not installed"; fi
	for page in build/man/*.[1-8]; do [ -e "$$page" ] || continue; \
	    $(INSTALL) -D -m 644 $$page $(call at,$(MANDIR))/man$${page##*.}/$${page##*/} || exit 1; done

# In a copy, where debian/ is at the top as its tools want it. What is not committed is packaged too.
DEB := build/deb/holdfast
deb: ## Debian packages into build/deb, checked by lintian (packaging/packages-deb.txt)
	@rm -rf build/deb && mkdir -p $(DEB)
	@git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t $(DEB)
	@cp -r packaging/debian $(DEB)/debian
	cd $(DEB) && dpkg-buildpackage -us -uc -b
	lintian --allow-root --fail-on error build/deb/*.changes
	@ls -l build/deb/*.deb
