-- What Azure cost, by Azure subscription (entitlement), resource group, meter category and tags: the sums of an invoice's
-- daily rated usage, before tax and after partner earned credit, per currency. Each row of usage counts once, so that
-- any sum of these rows is right. Names of resource groups differ in letter case for one group: they are shown with
-- a-z for A-Z. tags is the text of all tags of a resource, as it came: docs/recipes.md shows the cost by one of them,
-- which need not add up to the whole. Exports of attribute set basic name no entitlement, resource group, meter category
-- or tags (attribute_set says so): null is then not exported, rather than none. Usage has no licences, reservations or
-- savings plans: rpt_cost_by_customer has all that is billed.
-- Source: domain.md section C3, 19, and section C1 (EntitlementId is the Azure subscription); api-contract.md sections
-- 5.1 and 5.4. Columns are only ever added at the end.
CREATE OR REPLACE VIEW {{dataset}}.rpt_azure_cost AS
SELECT
  u.invoice_number,
  s.billing_month,
  u.currency,
  u.customer_id,
  u.customer_name,
  u.entitlement_id,
  u.entitlement_description,
  u.resource_group,
  u.meter_category,
  u.tags,
  u.amount,
  u.usage_rows,
  u.first_usage_date,
  u.last_usage_date,
  s.usage_attribute_set AS attribute_set,
  s.usage_snapshot_ids AS snapshot_ids
FROM (
  SELECT
    r.invoice_number,
    upper(r.billing_currency) AS currency,
    lower(r.customer_id) AS customer_id,
    max(r.customer_name COLLATE "C") AS customer_name,
    lower(r.entitlement_id) AS entitlement_id,
    max(r.entitlement_description COLLATE "C") AS entitlement_description,
    lower(r.resource_group COLLATE "C") AS resource_group,
    r.meter_category,
    r.tags,
    sum(r.billing_pre_tax_total) AS amount,
    count(*) AS usage_rows,
    min(r.usage_date) AS first_usage_date,
    max(r.usage_date) AS last_usage_date
  FROM {{dataset}}.billed_usage r
  GROUP BY
    r.invoice_number, upper(r.billing_currency), lower(r.customer_id), lower(r.entitlement_id),
    lower(r.resource_group COLLATE "C"), r.meter_category, r.tags,
    -- Of a type that cannot be sorted: Postgres expects more groups than there are, and would sort a million rows for them.
    CAST('0' AS xid)
) u
LEFT JOIN {{dataset}}._invoice_snapshots s ON s.invoice_number = u.invoice_number;
