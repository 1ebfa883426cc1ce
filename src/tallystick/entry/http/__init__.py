"""Web: the JSON API and the pages.

Takes:  HTTP requests, `Deps`
Gives:  bytes; errors as RFC 9457 problems (API) or pages, all from one catalogue
Keeps:  no identity data in an address, a header or a log; nothing decided here: parse, call one
        service, print
"""
