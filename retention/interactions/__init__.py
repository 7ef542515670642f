"""The interactions of customers with the company: their state, recent issues and a timeline.

frames            the cohort's rows; what is unresolved and what was put right
customer_state    numbers of a customer that lanes and plays read
order_issues      issues of orders, bills and payments, each with its sentence
service_issues    issues of cases, complaints, surveys, the portal and contracts
recent_issues     how issues are counted; one sentence a customer and theme
timeline_entries  events as entries of one shape
timeline          the latest entries of a customer, in words
wording           topics, channels, causes, days and money in words
"""
