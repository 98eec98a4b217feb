-- The types of staging columns, by the type that a column is declared with.

-- name: text
text

-- name: decimal
numeric

-- name: date
date

-- name: timestamp
timestamp

-- name: uuid
uuid

-- name: integer
integer

-- name: json
json
