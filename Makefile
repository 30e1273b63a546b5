# The commands of this repository. What they do is in scripts/.

.PHONY: bench check cluster fuzz help run test torture

help:
	@echo "make run    build Fanfare, start a node and serve a page that shows it: http://127.0.0.1:3000"
	@echo "            more arguments for the node: make run ARGS='--listen 127.0.0.1:4000'"
	@echo "make cluster  NATS, three nodes, HAProxy and Prometheus on this machine: http://127.0.0.1:3000; Ctrl-C ends them"
	@echo "make check  format, linter and unit tests, before each commit: under a minute once everything is built"
	@echo "make test   install what the tests need, then run every check: 10 to 20 minutes the first time"
	@echo "make torture  what the tests leave out since it takes long, and the tests on a busy machine: about an hour"
	@echo "make fuzz   fuzz each parser for a minute; needs cargo-fuzz. Other times: make fuzz ARGS=600"
	@echo "make bench  measure Fanfare, its peers and the baseline on this machine: about 20 minutes, better left alone meanwhile"
	@echo "            what can be chosen: make bench ARGS=--help"

check:
	@scripts/check.sh

cluster:
	@scripts/cluster.sh $(ARGS)

run:
	@scripts/run.sh $(ARGS)

test:
	@scripts/test.sh

torture:
	@scripts/torture.sh

bench:
	@scripts/bench.sh $(ARGS)

fuzz:
	@scripts/fuzz.sh $(ARGS)
