"""The ways in: command line, web and API, the demo, and the one place that puts all parts together.

Takes:   arguments, requests, the environment
Gives:   exit codes, answers, pages
Keeps:   each command and route parses, calls one use-case of `service`, prints
Refuses: identity data in arguments and addresses: both are logged by machines we do not own
"""
