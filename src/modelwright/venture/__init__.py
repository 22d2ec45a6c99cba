"""Room `venture`: money, energy, demand, cash. Pure numbers: evidence and assumptions in, figures out.

figures      a number with unit, basis and interval, and their algebra
tables       the shipped defaults (`defaults/*.yaml`): source, date, † where nobody has confirmed them
cost         an hour, a second, a kilowatt-hour, 1,000 requests; currencies
plan         does the business work? assumptions (reading, offer) → draws (sobol) → paths (demand, ledger) → results
business, pricing           what each way to sell earns; what a price can be argued from
survival, cohorts           how long customers stay, from records or from one churn
staffing     skills needed and covered, hiring, payroll
statements   income, cash flow, balance sheet by month
shapes, compute, scaling    parameters, operations, memory, rooflines; how large a model on how many tokens
queueing     how many servers a latency target needs
captable, waterfall (exact) who owns how much, and who gets what at a sale
risk         which input drives the answer; internal rate of return

The only file access is the reading of the shipped tables.
"""
