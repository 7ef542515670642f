"""What makes the themes of features work.

base            how a grain and a feature are declared; the expressions to build them from
grains          purchases: orders, purchase days, weeks, items
service_grains  service: promises, contacts, cases, answers, bills, payments, visits, failures
own_rows        the events of a company's own kind, compared with each other
own_kinds       the features of such a kind, by its columns alone
words           the formats of numbers in the sentences that staff read
expressions     what a feature asks of the rows of its grain, read from its expression
running         rows sorted once, whose sums, extremes and medians are found for any snapshot
plans, parts    which features that serves, and the sorted rows of a part of the customers
one_pass        the tables of many snapshots from them
snapshots       each snapshot computed by itself
table           the table of one snapshot, computed from the features declared
"""
