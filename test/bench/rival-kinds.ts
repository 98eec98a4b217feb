/** How the rival reads money: DOUBLE is its fastest; its DECIMAL goes through a double as well. */
export const MONEY = ['DOUBLE', 'DECIMAL(38,22)'] as const;

/** One of {@link MONEY}. */
export type Money = (typeof MONEY)[number];

/** What identifies a line for the rival: the columns that ours is made of, or beside them the number among its like. */
export const RIVAL_KEYS = ['identity', 'identity and occurrence'] as const;

/** One of {@link RIVAL_KEYS}. */
export type RivalKey = (typeof RIVAL_KEYS)[number];
