-- The types of staging columns, by the type that a column is declared with.

-- name: text
VARCHAR

-- name: decimal
DECIMAL(38, 22)

-- name: date
DATE

-- name: timestamp
TIMESTAMP

-- name: uuid
UUID

-- name: integer
INTEGER

-- name: json
VARCHAR
