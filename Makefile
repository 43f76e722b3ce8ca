# webchatt: a PGXS extension (webchatt.so) and its network half (webchatt-net).
#
#   make, make install, make installcheck   as with every PGXS extension
#   make demo, make test, make bench, make soak      from nothing: see CONTRIBUTING.md
#   make test PG=17                         on another PostgreSQL: doc/versions.md
#   make fuzz MINUTES=60                    every night: see test/fuzz/Makefile
#   make desk=no                            without the desk's page: its paths are 404 (after make clean)

EXTENSION = webchatt
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" webchatt.control)
MODULE_big = webchatt
SCHEMA_SCRIPT = build/webchatt--$(EXTVERSION).sql
UPGRADES = $(wildcard sql/webchatt--*--*.sql)
DATA_built = $(SCHEMA_SCRIPT) $(UPGRADES:sql/%=build/%)

BACKEND_SRC = $(wildcard src/backend/*.c src/backend/*/*.c)
COMMON_SRC = $(wildcard src/common/*.c)
NET_SRC = $(wildcard src/net/*.c src/net/*/*.c)

OBJS = $(BACKEND_SRC:.c=.o) $(COMMON_SRC:.c=.o) build/worker_sql.o
PG_CPPFLAGS = -Isrc -Isrc/backend -Ibuild
PG_CFLAGS = -std=gnu11 -Wall -Wextra -Werror -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers $(WERROR_OFF)
SHLIB_LINK = -lcrypto

REGRESS = $(patsubst test/sql/%.sql,%,$(sort $(wildcard test/sql/*.sql)))
# Before 16 pg_regress looks for the expected output beside its own, from 16 on where it is told.
REGRESS_OPTS = --inputdir=$(srcdir)/test --outputdir=build --load-extension=webchatt \
	$(if $(filter 14 15,$(MAJORVERSION)),,--expecteddir=$(srcdir))

# webchatt-net is built without PostgreSQL's include paths, so that a backend
# header in it cannot compile.
NET_PKGS = libuv libmicrohttpd libcurl jansson libcrypto libseccomp
NET_CFLAGS = -std=c11 -D_GNU_SOURCE -O2 -g -fno-omit-frame-pointer -fstack-protector-strong \
	-D_FORTIFY_SOURCE=2 -fPIE -Wall -Wextra -Werror -Isrc -Isrc/net $(shell pkg-config --cflags $(NET_PKGS))
NET_LDFLAGS = -pie -Wl,-z,relro,-z,now
NET_LIBS = $(shell pkg-config --libs $(NET_PKGS)) -lwslay
NET_OBJS = $(addprefix build/net/,$(notdir $(NET_SRC:.c=.o) $(COMMON_SRC:.c=.o)) asset_table.o)

# What webchatt-net serves is compiled into it.
WIDGET = build/widget/chat-widget.umd.js
WIDGET_STYLES = $(addprefix build/widget/,base.css panel.css files.css around.css asked.css emoji.css notices.css)
WIDGET_PARTS = build/widget/parts.stamp
ASSETS = /chat-widget.umd.js=$(WIDGET)
desk ?= yes
ifneq ($(desk),no)
DESK = build/desk/index.html build/desk/app.js build/desk/app.css build/desk/favicon.svg build/desk/preview.html build/desk/preview.js
ASSETS += /desk/=build/desk/index.html $(foreach file,app.js app.css favicon.svg preview.js,/desk/$(file)=build/desk/$(file)) \
	/desk/preview=build/desk/preview.html
# Its modules, whose names have a hash of their bytes: known when they are made.
DESK_MODULES = $$(for module in build/desk/*-????????.js; do echo "/desk/$${module\#\#*/}=$$module"; done)
endif

EXTRA_CLEAN = webchatt-net build results regression.*

PG_CONFIG ?= pg_config
ifneq ($(filter demo test test-all bench soak shots fuzz,$(MAKECMDGOALS)),)
# These set the machine up first and call make again: nothing is here yet.
else
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)
ifeq ($(wildcard $(PGXS)),)
$(error $(PG_CONFIG) finds no PostgreSQL to build for: apt-get install postgresql-server-dev-all (Debian), dnf install postgresql-server-devel (Fedora), apk add postgresql-dev (Alpine), or say PG_CONFIG=/its/pg_config)
endif
ifeq ($(filter clean distclean uninstall,$(MAKECMDGOALS)),)
NEEDED := $(shell scripts/needed)
ifneq ($(NEEDED),)
$(error $(NEEDED))
endif
endif
include $(PGXS)
endif

all: webchatt-net

webchatt-net: $(NET_OBJS)
	$(CC) $(NET_LDFLAGS) -o $@ $(NET_OBJS) $(NET_LIBS)

# Base names are unique, so the objects lie beside each other.
vpath %.c src/net src/common $(wildcard src/net/*/)
build/net/%.o: %.c $(wildcard src/net/*.h src/net/*/*.h src/common/*.h src/common/*.def) | build/net
	$(CC) $(NET_CFLAGS) -c -o $@ $<

build/net/asset_table.o: build/net/asset_table.c src/net/http/static_files.h
	$(CC) $(NET_CFLAGS) -c -o $@ $<

build/net/asset_table.c: src/net/http/embed widget/parts $(WIDGET) $(DESK) | build/net
	perl src/net/http/embed $(ASSETS) $(DESK_MODULES) $$(perl widget/parts assets build/widget/parts) >$@.new
	mv $@.new $@

# The widget: the base, one script with one function around it for pages, AMD and CommonJS, which knows the names of
# the modules that are loaded when they are needed.  Source maps lie beside them and are not served.
WIDGET_BUILD = esbuild --bundle --minify --format=esm --target=es2018 --charset=utf8 --loader:.css=text --sourcemap=external --log-level=warning
$(WIDGET): $(WIDGET_STYLES) $(WIDGET_PARTS) $(wildcard widget/src/base/*.js widget/src/base/*/*.js) widget/src/umd.js webchatt.control
	$(WIDGET_BUILD) widget/src/base/boot.js --define:VERSION="'$(EXTVERSION)'" --define:PARTS="$$(perl widget/parts names build/widget/parts)" \
		--metafile=build/widget/base.json --banner:js="/*! webchatt $(EXTVERSION) */(()=>{'use strict';const{JSON,Map,Math,Object,Promise,Set,URL}=window;" \
		--footer:js="$$(esbuild --minify widget/src/umd.js)})();" \
		--outfile=$@

# Each module's name has a hash of its content, so a browser may keep it for ever.
WIDGET_MODULES = widget/src/panel/panel.js $(wildcard widget/src/extras/*.js) $(wildcard widget/src/words/*.js)
$(WIDGET_PARTS): $(WIDGET_STYLES) $(wildcard widget/src/*.js widget/src/panel/*.js widget/src/extras/*.js widget/src/extras/*/*.js widget/src/words/*.js) widget/parts
	rm -rf build/widget/parts
	$(WIDGET_BUILD) $(WIDGET_MODULES) --entry-names='[name]-[hash]' --metafile=build/widget/parts.json \
		--banner:js='const{JSON,Map,Math,Object,Promise,Set,URL}=(self.Chatt2me||{}).natives||self;' --outdir=build/widget/parts
	touch $@

build/widget/base.css build/widget/panel.css: build/widget/%.css: widget/src/%/style.css | build/widget
	esbuild $< --minify --log-level=warning --outfile=$@

build/widget/around.css build/widget/asked.css build/widget/emoji.css build/widget/notices.css: build/widget/%.css: widget/src/extras/%.css | build/widget
	esbuild $< --minify --log-level=warning --outfile=$@

build/widget/files.css: build/widget/%.css: widget/src/extras/%/style.css | build/widget
	esbuild $< --minify --log-level=warning --outfile=$@

# The desk's page: a script, modules of what not everybody needs, and a style, with nothing in the page itself that its policy would forbid.
DESK_SRC = $(wildcard desk/*.jsx desk/*/*.js desk/*/*.jsx desk/vendor/preact/*/*.js desk/vendor/preact/*/*/*.js)
build/desk/app.js: $(DESK_SRC) webchatt.control | build/desk
	rm -f build/desk/*-????????.js build/desk/*-????????.js.map
	esbuild desk/main.jsx --bundle --splitting --minify --format=esm --target=es2020 --charset=utf8 --jsx-factory=h --jsx-fragment=Fragment \
		--alias:preact=./desk/vendor/preact --sourcemap=external --banner:js="/*! webchatt's desk $(EXTVERSION) */" \
		--log-level=warning --outdir=build/desk --entry-names=app --chunk-names='[name]-[hash]'

build/desk/app.css: $(wildcard desk/*.css desk/*/*.css) | build/desk
	esbuild desk/app.css --bundle --minify --log-level=warning --outfile=$@

# The preview of the widget: a script of its own, in which the widget's is, whole.
build/desk/preview.js: $(wildcard desk/preview/*.js widget/src/*.js widget/src/*/*.js widget/src/*/*/*.js) $(WIDGET_STYLES) webchatt.control | build/desk
	esbuild desk/preview/preview.js --bundle --minify --format=iife --target=es2020 --charset=utf8 \
		--loader:.css=text --define:VERSION="'$(EXTVERSION)'" --define:PARTS="{}" --banner:js="/*! webchatt's chat widget $(EXTVERSION), for the desk's preview */" \
		--log-level=warning --outfile=$@

build/desk/preview.html: desk/preview/preview.html | build/desk
	cp $< $@

build/desk/index.html build/desk/favicon.svg: build/desk/%: desk/% | build/desk
	cp $< $@

# The install script is put together from its parts, in the order of their numbers.
$(SCHEMA_SCRIPT): $(sort $(wildcard sql/webchatt/*.sql)) | build/net
	cat $^ >$@.new
	mv $@.new $@

# The scripts of ALTER EXTENSION UPDATE, put together from what is written by hand and what the two versions differ by.
build/webchatt--%.sql: sql/webchatt--%.sql sql/upgrade sql/upgrade-begin.sql sql/upgrade-end.sql $(SCHEMA_SCRIPT) $(wildcard test/upgrade/webchatt--*.sql)
	perl sql/upgrade test/upgrade/webchatt--$(firstword $(subst --, ,$*)).sql $(SCHEMA_SCRIPT) $< >$@.new
	mv $@.new $@

# What the worker runs: the statements' numbers for its sources, and their texts.
WORKER_SQL = $(sort $(wildcard sql/worker/*.sql))
build/worker_sql.h: sql/embed $(WORKER_SQL) | build/net
	perl sql/embed header $(WORKER_SQL) >$@.new
	mv $@.new $@

build/worker_sql.c: sql/embed $(WORKER_SQL) | build/net
	perl sql/embed texts $(WORKER_SQL) >$@.new
	mv $@.new $@

build/net build/widget build/desk:
	mkdir -p $@

$(OBJS) $(OBJS:.o=.bc): $(wildcard src/backend/*.h src/backend/*/*.h src/common/*.h src/common/*.def) build/worker_sql.h

# What it is made from is beside it in the tree, and a test compares them.
doc/settings.md: src/common/settings.def scripts/settings-doc
	scripts/settings-doc >$@.new
	mv $@.new $@

install: install-net
install-net: webchatt-net
	$(MKDIR_P) '$(DESTDIR)$(pkglibdir)'
	$(INSTALL_PROGRAM) webchatt-net '$(DESTDIR)$(pkglibdir)/webchatt-net'

uninstall: uninstall-net
uninstall-net:
	rm -f '$(DESTDIR)$(pkglibdir)/webchatt-net'

installcheck: | build/expected
build/expected: | build/net
	ln -s ../expected $@

# On another PostgreSQL: make test PG=17 (Debian's), make test PG=/its/directory.
test:
	@$(if $(PG),scripts/test-on '$(PG)',scripts/test)

# The same tests, the longer ones with more of everything; then other versions, other machines.
test-all:
	@$(if $(PG),WEBCHATT_TEST_LONG=1 scripts/test-on '$(PG)',scripts/test-all)

demo bench soak:
	@scripts/$@

shots:
	@scripts/test build shots

fuzz:
	@scripts/fuzz $(MINUTES)

.PHONY: demo test test-all bench soak shots fuzz install-net uninstall-net
