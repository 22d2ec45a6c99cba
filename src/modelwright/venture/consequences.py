"""What the plan does when something is not stated, in words of both languages, by key."""

from __future__ import annotations

CONSEQUENCES: dict[str, dict[str, str]] = {
    "venture.customers.requests": {
        "en": "every customer is taken to use all included requests",
        "zh": "按每位客户用完全部套餐内请求计算",
    },
    "venture.customers.acquisition_cost": {
        "en": "winning customers is counted as free: cash lasts shorter than shown",
        "zh": "未计入获客成本:现金实际维持时间更短",
    },
    "venture.customers.expansion": {
        "en": "staying customers are taken to pay the same for ever",
        "zh": "按留存客户付费不变计算",
    },
    "venture.discount": {
        "en": "money in five years counts as much as money today: lifetime values are too high",
        "zh": "未折现:客户终身价值偏高",
    },
    "venture.marketing.people": {
        "en": "sales and marketing people are not in the cost of winning customers, unless the team lists them",
        "zh": "获客成本未计入销售与市场人员(团队中已列出的除外)",
    },
    "venture.price.enterprise.requests": {
        "en": "licences are counted as using no computing",
        "zh": "企业授权未计入计算用量",
    },
    "venture.price.enterprise.acquisition_cost": {
        "en": "signing a licence is counted as free",
        "zh": "未计入签约成本",
    },
    "venture.price.enterprise.churn": {
        "en": "licences are taken to end as often as subscriptions",
        "zh": "企业授权流失率按订阅客户计算",
    },
    "venture.accounts.receivable_days": {"en": "customers are taken to pay at once", "zh": "按客户即时付款计算"},
    "venture.accounts.payable_days": {"en": "suppliers are taken to be paid at once", "zh": "按即时付款给供应商计算"},
    "venture.accounts.annual_share": {"en": "nobody is taken to pay a year ahead", "zh": "按无人预付全年计算"},
    "venture.accounts.tax_rate": {"en": "tax on profits is not counted", "zh": "未计入所得税"},
    "venture.other_costs": {
        "en": "rent, tools and services are not counted: cash lasts shorter than shown",
        "zh": "未计入房租、工具和服务费用:现金实际维持时间更短",
    },
    "venture.payroll_load": {"en": "a default stands in for the employer's charges", "zh": "雇主附加成本使用默认值"},
    "venture.support_share": {"en": "a default stands in for payment fees and support", "zh": "支付手续费和客服使用默认值"},
    "compute.utilisation": {"en": "a default stands in for how busy the machines are", "zh": "机器利用率使用默认值"},
    "rehearse/throughput": {
        "en": "computing is billed by the request: idle machines are not counted",
        "zh": "按请求计费:未计入机器空闲成本",
    },
    "train/money": {"en": "training is not counted", "zh": "未计入训练成本"},
}
