"""Mutation tests: one-line faults in lines that keep data safe, and the tests that must notice each.

`make test-mutants` applies every mutant of the lists in this folder, one at a time and in memory only, runs the tests
named beside it, and fails when one of them survives. A list is the place to add the fault that a review or an outage
found, together with the test that would have seen it.

    mutant.py    one fault: where it is, what it changes, who must notice
    lists/       the faults, by subject
    suite.py     the mutants of one file with the same tests, and what became of each
    forking.py   a process that runs a suite: it forks once per mutant where the file is imported
"""
