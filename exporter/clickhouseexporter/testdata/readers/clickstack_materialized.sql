-- Filters by columns that were added: a materialized attribute and an alias.
SELECT `__hdx_materialized_k8s.pod.name` AS pod, CartId, count() AS n
FROM otel.otel_logs
WHERE `__hdx_materialized_k8s.pod.name` = 'storefront-1'
GROUP BY pod, CartId
