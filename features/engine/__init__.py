"""What makes the themes of features work.

base            how a grain and a feature are declared; the expressions to build them from
grains          purchases: orders, purchase days, weeks, items
service_grains  service: promises, contacts, cases, answers, bills, payments, visits, failures
own_rows        the events of a company's own kind, compared with each other
own_kinds       the features of such a kind, by its columns alone
words           the formats of numbers in the sentences that staff read
table           the table of one snapshot, computed from the features declared
"""
