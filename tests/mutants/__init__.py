"""Does a test of `fleet/domain` fail when a line of it is wrong? mutmut writes the wrong lines, the tests judge them.

mutmut's own runner starts pytest anew for each mutant and names tests on its command line, which not all of our names
survive; here the tests are collected once, and every mutant has a forked child that runs those that reach it.
"""
