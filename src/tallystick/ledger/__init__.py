"""The ledger: append whole typed statements, publish them in one order, fold them into files.

Takes:   records whose parties and objects are known
Gives:   positions; files (the projection an inquiry reads); what was true on D as known at K
Keeps:   append-only; a statement is visible at P when its chunk's position is at most P;
         file = fold
Refuses: nothing about content: that is the business of validation
Source:  spine 2-5
"""
